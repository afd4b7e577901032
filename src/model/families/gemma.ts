import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { withTextHalf } from './text-half.js';

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

const GEMMA3 = {
  ...GEMMA,
  architecture: 'gemma3',
  huggingFaceClasses: ['Gemma3ForCausalLM'],
  ggufName: 'gemma3',
  huggingFace: { renamed: SANDWICHED },
  slidingWindow: { fullEvery: 6, theta: 10000 },
  queryKeyNorm: 'head',
  gemma: { postNorms: true, softCaps: false, scaledByWidth: 62 },
} as const satisfies DecoderFamily;

const gemma3Alone = decoder(GEMMA3);

/** Text halves leave out what is as in the class (transformers, Gemma3TextConfig). */
const GEMMA3_DEFAULTS = {
  ...{ vocab_size: 262208, hidden_size: 2304, intermediate_size: 9216, num_hidden_layers: 26 },
  ...{ num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, query_pre_attn_scalar: 256 },
  ...{ hidden_activation: 'gelu_pytorch_tanh', max_position_embeddings: 131072, rms_norm_eps: 1e-6 },
  ...{ rope_theta: 1e6, sliding_window: 4096 },
};

const gemma3WithEyes = withTextHalf(
  decoder({
    ...GEMMA3,
    huggingFace: {
      ...GEMMA3.huggingFace,
      defaults: GEMMA3_DEFAULTS,
      traits: (config) => ({ pictureTokens: config.size('mm_tokens_per_image', 256) }),
    },
  }),
  'Gemma3ForConditionalGeneration',
);

/**
 * Gemma 3 (arXiv 2503.19786): a sliding window with its own theta in five of six layers. The 27B model, with 62 layers,
 * scales queries by width. Tokens of a picture see each other both ways.
 */
export const gemma3: Architecture = {
  ...gemma3WithEyes,
  fromHuggingFace: (name, config, ...tensors) =>
    (config.object('text_config') ? gemma3WithEyes : gemma3Alone).fromHuggingFace(name, config, ...tensors),
};
