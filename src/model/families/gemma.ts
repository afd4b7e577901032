import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';

/** Traits of all generations: scaled embeddings, which are the head too; norms stored minus one; GELU by tanh. */
const GEMMA = {
  ggufRotary: 'halves',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  activation: 'gelu-tanh',
  experts: null,
} as const satisfies Partial<DecoderFamily>;

/** Names of the second and third generation, which have a norm before and after each half of a layer. */
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

/**
 * Gemma 2 (arXiv 2408.00118): a sliding window in every other layer, capped logits. The 27B model, with 46 layers,
 * scales queries by width.
 */
export const gemma2 = decoder({
  ...GEMMA,
  architecture: 'gemma2',
  huggingFaceClasses: ['Gemma2ForCausalLM'],
  ggufName: 'gemma2',
  huggingFace: { renamed: SANDWICHED },
  slidingWindow: { size: 4096, fullEvery: 2, theta: null },
  gemma: { postNorms: true, softCaps: true, scaledByWidth: 46 },
});

/**
 * The text half of Gemma 3 (arXiv 2503.19786): a sliding window with its own theta in five of six layers. The 27B
 * model, with 62 layers, scales queries by width.
 */
export const gemma3 = decoder({
  ...GEMMA,
  architecture: 'gemma3',
  huggingFaceClasses: ['Gemma3ForCausalLM'],
  ggufName: 'gemma3',
  huggingFace: { renamed: SANDWICHED },
  slidingWindow: { fullEvery: 6, theta: 10000 },
  queryKeyNorm: 'head',
  gemma: { postNorms: true, softCaps: false, scaledByWidth: 62 },
});
