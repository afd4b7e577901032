import { decoder } from '../decoder.js';

/** SmolLM3: Llama without rotary positions in every fourth layer (arXiv 2501.18795). */
export const smollm3 = decoder({
  architecture: 'smollm3',
  huggingFaceClasses: ['SmolLM3ForCausalLM'],
  ggufName: 'smollm3',
  ggufRotary: 'interleaved',
  noRotaryEvery: 4,
  slidingWindow: 'if asked',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: null,
});
