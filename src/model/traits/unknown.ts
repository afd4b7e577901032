import { shown } from '../../errors.js';
import type { DecoderFamily } from '../decoder-family.js';
import type { Fields } from '../fields.js';

/** The kernels know the clamped SwiGLU with these constants (gpt-oss, arXiv 2508.10925). */
const SWIGLU = { swiglu_limit: 7, swiglu_alpha: 1.702 };

/**
 * Refuses traits that would change the result and that flashrow does not model. Throws UNSUPPORTED, or CORRUPT where a
 * value is of the wrong kind.
 */
export function refuseUnknownTraits(
  {
    biases = false,
    queryKeyValueBiases,
    activation,
    quantMethod,
    huggingFace,
  }: Pick<DecoderFamily, 'biases' | 'activation' | 'quantMethod'> & Partial<DecoderFamily>,
  config: Fields,
): void {
  for (const key of ['attention_bias', 'mlp_bias']) {
    const value = config.flag(key);
    const ofAttention = key === 'attention_bias' && queryKeyValueBiases;
    if (value === true && !biases && !ofAttention)
      throw config.unsupported(key, 'is true; projections with biases are not supported');
    if (value === false && biases)
      throw config.unsupported(key, 'is false; this architecture without biases is not supported');
  }
  for (const [key, known] of Object.entries(huggingFace?.only ?? {})) {
    const value = config.raw(key);
    if (value !== undefined && value !== known)
      throw config.unsupported(
        key,
        known === undefined
          ? `is ${shown(value)}, which is not supported`
          : `is ${shown(value)}; only ${shown(known)} is supported`,
      );
  }
  refuseQuantized(config, quantMethod);
  if (config.raw('clip_qkv') !== undefined)
    throw config.unsupported('clip_qkv', `is ${shown(config.raw('clip_qkv'))}; clipping is not supported`);
  if (activation !== 'clamped-swiglu') return;
  for (const [key, known] of Object.entries(SWIGLU)) {
    if (config.positive(key, known) !== known)
      throw config.unsupported(key, `is ${shown(config.raw(key))}; only ${known} is supported`);
  }
}

/**
 * Refuses weights that are quantized, except by the method `allowed`, and names the method. Throws UNSUPPORTED, or
 * CORRUPT where a value is of the wrong kind.
 */
export function refuseQuantized(config: Fields, allowed?: string): void {
  const instead = 'use the original weights or a GGUF file';
  const quantization = config.object('quantization_config');
  const method = quantization?.text('quant_method') ?? null;
  if (quantization && (allowed === undefined || method !== allowed))
    throw config.unsupported(
      'quantization_config',
      `says that the weights are quantized${method === null ? '' : ` (${shown(method)})`}; ${instead}`,
    );
  // mlx-lm wrote this key alone until 2024.
  if (config.object('quantization'))
    throw config.unsupported('quantization', `says that the weights are quantized by MLX; ${instead}`);
}
