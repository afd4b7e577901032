import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';

/** What all generations share: scaled embeddings that are the head too, norms kept less one, a GELU by tanh. */
const GEMMA = {
  ggufRotary: 'halves',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  activation: 'gelu-tanh',
  experts: null,
} as const satisfies Partial<DecoderFamily>;

/** Names of the second and third, with a norm before and after each half of a layer. */
const SANDWICHED = { ffnNorm: 'pre_feedforward_layernorm.weight' } as const;

/** Gemma (arXiv 2403.08295). */
export const gemma = decoder({
  ...GEMMA,
  architecture: 'gemma',
  huggingFaceClasses: ['GemmaForCausalLM'],
  ggufName: 'gemma',
  slidingWindow: 'always',
  gemma: { postNorms: false, softCaps: false, scaledByWidth: null },
});

/** Gemma 2 (arXiv 2408.00118): every other layer a sliding window, logits capped. Of the 27B, with 46 layers, queries are scaled by width. */
export const gemma2 = decoder({
  ...GEMMA,
  architecture: 'gemma2',
  huggingFaceClasses: ['Gemma2ForCausalLM'],
  ggufName: 'gemma2',
  huggingFaceRenamed: SANDWICHED,
  slidingWindow: { size: 4096, fullEvery: 2, theta: null },
  gemma: { postNorms: true, softCaps: true, scaledByWidth: 46 },
});

/** Gemma 3, its text half (arXiv 2503.19786): five of six layers a sliding window with a rotary of their own. Of the 27B, with 62 layers, queries are scaled by width. */
export const gemma3 = decoder({
  ...GEMMA,
  architecture: 'gemma3',
  huggingFaceClasses: ['Gemma3ForCausalLM'],
  ggufName: 'gemma3',
  huggingFaceRenamed: SANDWICHED,
  slidingWindow: { fullEvery: 6, theta: 10000 },
  queryKeyNorm: 'head',
  gemma: { postNorms: true, softCaps: false, scaledByWidth: 62 },
});
