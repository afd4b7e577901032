import { decoder } from '../decoder.js';
import { withTextHalf } from './text-half.js';

/** Ministral 3: Llama whose queries grow with their position beyond the context of the first training. */
export const mistral3 = withTextHalf(
  decoder({
    architecture: 'mistral3',
    huggingFaceClasses: ['Ministral3ForCausalLM'],
    ggufName: 'mistral3',
    ggufRotary: 'interleaved',
    slidingWindow: 'always',
    queryKeyValueBiases: false,
    queryKeyNorm: null,
    experts: null,
  }),
  'Mistral3ForConditionalGeneration',
);
