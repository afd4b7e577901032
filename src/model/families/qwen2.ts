import { decoder } from '../decoder.js';

/** Qwen 1.5, 2 and 2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values. */
export const qwen2 = decoder({
  architecture: 'qwen2',
  huggingFaceClasses: ['Qwen2ForCausalLM'],
  ggufName: 'qwen2',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: true,
  queryKeyNorm: null,
  experts: null,
});
