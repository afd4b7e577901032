import type { SourceTensors } from './architectures.js';
import { type Fields, shown } from './fields.js';
import type { RotarySpec } from './spec.js';

/** The tensor in which a GGUF file carries Llama 3's factors, ready made. */
const GGUF_ROPE_FACTORS = 'rope_freqs.weight';
/** Longrope's (arXiv 2402.13753): the short ones hold up to the context that a model was first trained on. */
const GGUF_SHORT_FACTORS = 'rope_factors_short.weight';
export const GGUF_ROPE_TENSORS: readonly string[] = [GGUF_ROPE_FACTORS, GGUF_SHORT_FACTORS, 'rope_factors_long.weight'];

/**
 * `RotarySpec.frequencyFactors` [dimension/2] from `rope_scaling` (or `rope_parameters`, as newer files call it) of config.json:
 * linear (positions divided by a factor), or Llama 3's, which slows long wavelengths only.
 */
export function huggingFaceFactors(scaling: Fields | null, theta: number, dimension: number): number[] | null {
  if (!scaling) return null;
  const type = scaling.text('rope_type') ?? scaling.text('type') ?? 'default';
  if (type === 'default') return null;
  if (type === 'linear') return new Array<number>(dimension / 2).fill(scaling.positive('factor'));
  if (type !== 'llama3')
    throw scaling.unsupported('rope_type', `is ${shown(type)}; supported: default, linear, llama3`);

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

type Scaling = Pick<RotarySpec, 'frequencyFactors' | 'magnitude'>;

const isLongrope = (scaling: Fields | null): scaling is Fields =>
  ['longrope', 'su'].includes(scaling?.text('rope_type') ?? scaling?.text('type') ?? '');

/** The context that `huggingFaceScaling` holds for: with longrope the one the model was first trained on. */
export const huggingFaceContext = (scaling: Fields | null, config: Fields): number =>
  config.size(isLongrope(scaling) ? 'original_max_position_embeddings' : 'max_position_embeddings');

/** `huggingFaceFactors`, and longrope's short factors with the temperature that comes of the whole context. */
export function huggingFaceScaling(scaling: Fields | null, config: Fields, theta: number, dimension: number): Scaling {
  if (!isLongrope(scaling)) return { frequencyFactors: huggingFaceFactors(scaling, theta, dimension), magnitude: 1 };
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

/** The same from GGUF metadata under `prefix`, where linear scaling and a tensor of factors may come together; and YaRN. */
export function ggufScaling(
  prefix: string,
  metadata: Fields,
  tensors: SourceTensors,
  theta: number,
  dimension: number,
): Scaling {
  if (tensors.shape(GGUF_SHORT_FACTORS) !== null)
    return {
      frequencyFactors: readFactors(GGUF_SHORT_FACTORS, metadata, tensors, dimension),
      magnitude: metadata.positive(`${prefix}.rope.scaling.attn_factor`, 1),
    };
  const type = metadata.text(`${prefix}.rope.scaling.type`) ?? 'linear';
  if (type === 'yarn') return yarn(metadata, (suffix) => `${prefix}.rope.scaling.${suffix}`, theta, dimension);
  return { frequencyFactors: ggufFactors(type, prefix, metadata, tensors, dimension), magnitude: 1 };
}

/**
 * YaRN (arXiv 2309.00071): pairs that turn fast keep their speed, those that turn less than once within the trained context are slowed by the whole
 * factor, with a ramp between; queries and keys grow a little.
 */
function yarn(metadata: Fields, key: (suffix: string) => string, theta: number, dimension: number): Scaling {
  const factor = metadata.positive(key('factor'));
  const trained = metadata.size(key('original_context_length'));
  const pairThatTurns = (times: number) =>
    (dimension * Math.log(trained / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const low = Math.max(0, Math.floor(pairThatTurns(metadata.positive(key('yarn_beta_fast'), 32))));
  const high = Math.min(dimension - 1, Math.ceil(pairThatTurns(metadata.positive(key('yarn_beta_slow'), 1))));
  const frequencyFactors = Array.from({ length: dimension / 2 }, (_, pair) => {
    const kept = 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
    return 1 / ((1 - kept) / factor + kept);
  });
  return { frequencyFactors, magnitude: metadata.positive(key('attn_factor'), 1) * (1 + 0.1 * Math.log(factor)) };
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
