import { decoder } from '../decoder.js';

/** Llama 1 to 3 and Mistral 7B. */
export const llama = decoder({
  architecture: 'llama',
  huggingFaceClasses: ['LlamaForCausalLM', 'MistralForCausalLM'],
  ggufName: 'llama',
  ggufRotary: 'interleaved',
  slidingWindow: 'always',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: null,
});
