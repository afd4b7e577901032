import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';

/** Qwen 3 (arXiv 2505.09388): Llama with a norm on each query and each key. */
export const QWEN3 = {
  architecture: 'qwen3',
  huggingFaceClasses: ['Qwen3ForCausalLM'],
  ggufName: 'qwen3',
  ggufRotary: 'halves',
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: 'head',
  experts: null,
} as const satisfies DecoderFamily;

export const qwen3 = decoder(QWEN3);
