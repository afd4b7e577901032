import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import { mistral4 } from './deepseek2.js';
import { withTextHalf } from './text-half.js';

const ministral = decoder({
  architecture: 'mistral3',
  huggingFaceClasses: ['Ministral3ForCausalLM'],
  ggufName: 'mistral3',
  ggufRotary: 'interleaved',
  slidingWindow: 'always',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: null,
});

/** Folders of both generations have one class for the model with pictures. */
const text: Architecture = {
  ...ministral,
  fromHuggingFace: (name, config, ...tensors) =>
    (config.raw('model_type') === 'mistral4' ? mistral4 : ministral).fromHuggingFace(name, config, ...tensors),
};

/** Ministral 3: Llama whose queries grow with their position beyond the context of the first training. */
export const mistral3 = withTextHalf(text, 'Mistral3ForConditionalGeneration');
