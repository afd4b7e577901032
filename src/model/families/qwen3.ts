import { decoder } from '../decoder.js';

/** Qwen 3 (arXiv 2505.09388): Llama with a norm on each query and each key. */
export const qwen3 = decoder({
  architecture: 'qwen3',
  huggingFaceClasses: ['Qwen3ForCausalLM'],
  ggufName: 'qwen3',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  experts: null,
});
