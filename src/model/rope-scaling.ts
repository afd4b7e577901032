import { shown } from '../errors.js';
import type { SourceTensors } from './architecture.js';
import type { Fields } from './fields.js';
import type { RotaryScaling } from './spec.js';
import { ggufYarn, huggingFaceYarn } from './yarn.js';

/** A GGUF file carries the finished factors of Llama 3 in this tensor. */
const GGUF_ROPE_FACTORS = 'rope_freqs.weight';
/** Factors of longrope (arXiv 2402.13753). The short ones hold up to the context of the first training. */
const GGUF_SHORT_FACTORS = 'rope_factors_short.weight';
export const GGUF_ROPE_TENSORS: readonly string[] = [GGUF_ROPE_FACTORS, GGUF_SHORT_FACTORS, 'rope_factors_long.weight'];

/**
 * `RotarySpec.frequencyFactors` [dimension/2] from `rope_scaling` of config.json (`rope_parameters` in newer files).
 * Linear scaling divides positions by a factor. Llama 3's slows long wavelengths only. Throws CORRUPT or UNSUPPORTED.
 */
export function huggingFaceFactors(scaling: Fields | null, theta: number, dimension: number): number[] | null {
  const type = typeOf(scaling);
  if (!scaling || type === 'default') return null;
  if (type === 'linear') return new Array<number>(dimension / 2).fill(scaling.positive('factor'));
  // Gemma 4: pairs beyond the first share of the head's do not turn. Their speed is that of the whole head.
  if (type === 'proportional') {
    const turning = Math.floor((scaling.positive('partial_rotary_factor', 1) * dimension) / 2);
    return Array.from(
      { length: dimension / 2 },
      (_, pair) => (pair < turning ? 1 : NOT_TURNING) * scaling.positive('factor', 1),
    );
  }
  if (type !== 'llama3')
    throw scaling.unsupported('rope_type', `is ${shown(type)}; supported: default, linear, llama3, longrope, yarn`);

  const factor = scaling.positive('factor');
  const low = scaling.positive('low_freq_factor');
  const high = scaling.positive('high_freq_factor');
  const trained = scaling.size('original_max_position_embeddings');
  if (low >= high)
    throw scaling.corrupt('low_freq_factor', `is ${low}; it should be below "high_freq_factor", ${high}`);
  return Array.from({ length: dimension / 2 }, (_, pair) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * pair) / dimension);
    const turns = trained / wavelength;
    if (turns < low) return factor;
    if (turns > high) return 1;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** A factor for pairs that do not turn, as in GGUF files. */
const NOT_TURNING = 1e30;

const typeOf = (scaling: Fields | null) => scaling?.text('rope_type') ?? scaling?.text('type') ?? 'default';
const LONGROPE = ['longrope', 'su'];

/** The context that `huggingFaceScaling` holds for. With longrope that is the context of the first training. */
export const huggingFaceContext = (scaling: Fields | null, config: Fields): number =>
  config.size(LONGROPE.includes(typeOf(scaling)) ? 'original_max_position_embeddings' : 'max_position_embeddings');

/**
 * Scaling from config.json: `huggingFaceFactors`; YaRN; or the short factors of longrope, with the temperature that the
 * whole context gives. Throws CORRUPT or UNSUPPORTED.
 */
export function huggingFaceScaling(
  scaling: Fields | null,
  config: Fields,
  theta: number,
  dimension: number,
): RotaryScaling {
  const type = typeOf(scaling);
  if (scaling && type === 'yarn') return huggingFaceYarn(scaling, config, theta, dimension);
  if (!scaling || !LONGROPE.includes(type))
    return { frequencyFactors: huggingFaceFactors(scaling, theta, dimension), magnitude: 1 };
  const factors = scaling.raw('short_factor');
  if (!Array.isArray(factors) || factors.length !== dimension / 2 || !factors.every((factor) => factor > 0))
    throw scaling.corrupt('short_factor', `is ${shown(factors)}; it should be ${dimension / 2} factors above 0`);
  const trained = config.size('original_max_position_embeddings');
  const stretch = config.size('max_position_embeddings') / trained;
  const magnitude = stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(trained)) : 1;
  return { frequencyFactors: factors.map(Number), magnitude: scaling.positive('attention_factor', magnitude) };
}

/** The context that `ggufScaling` holds for. */
export const ggufContext = (prefix: string, metadata: Fields, tensors: SourceTensors): number =>
  tensors.shape(GGUF_SHORT_FACTORS) === null
    ? metadata.size(`${prefix}.context_length`)
    : metadata.size(`${prefix}.rope.scaling.original_context_length`);

/**
 * Scaling from GGUF metadata under `prefix`. Linear scaling and a tensor of factors may come together there. Throws
 * CORRUPT or UNSUPPORTED.
 */
export function ggufScaling(
  prefix: string,
  metadata: Fields,
  tensors: SourceTensors,
  theta: number,
  dimension: number,
): RotaryScaling {
  if (tensors.shape(GGUF_SHORT_FACTORS) !== null)
    return {
      frequencyFactors: readFactors(GGUF_SHORT_FACTORS, metadata, tensors, dimension),
      magnitude: metadata.positive(`${prefix}.rope.scaling.attn_factor`, 1),
    };
  const type = metadata.text(`${prefix}.rope.scaling.type`) ?? 'linear';
  if (type === 'yarn') return ggufYarn(metadata, (suffix) => `${prefix}.rope.scaling.${suffix}`, theta, dimension);
  return { frequencyFactors: ggufFactors(type, prefix, metadata, tensors, dimension), magnitude: 1 };
}

function ggufFactors(
  type: string,
  prefix: string,
  metadata: Fields,
  tensors: SourceTensors,
  dimension: number,
): number[] | null {
  if (type !== 'linear' && type !== 'none')
    throw metadata.unsupported(`${prefix}.rope.scaling.type`, `is ${shown(type)}; supported: none, linear, yarn`);
  const factorKey = [`${prefix}.rope.scaling.factor`, `${prefix}.rope.scale_linear`].find(
    (key) => metadata.raw(key) !== undefined,
  );
  // Writers put 0 for "not scaled".
  const linear = type === 'none' || !factorKey || metadata.raw(factorKey) === 0 ? 1 : metadata.positive(factorKey);

  if (tensors.shape(GGUF_ROPE_FACTORS) === null)
    return linear === 1 ? null : new Array<number>(dimension / 2).fill(linear);
  return readFactors(GGUF_ROPE_FACTORS, metadata, tensors, dimension).map((factor) => factor * linear);
}

function readFactors(name: string, metadata: Fields, tensors: SourceTensors, dimension: number): number[] {
  const factors = Array.from(tensors.floats(name));
  if (factors.length !== dimension / 2 || factors.some((factor) => !Number.isFinite(factor) || factor <= 0))
    throw metadata.corrupt(name, `should hold ${dimension / 2} factors above 0; it holds ${shown(factors)}`);
  return factors;
}
