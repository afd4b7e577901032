import type { Fields } from './fields.js';
import type { RotaryScaling } from './spec.js';

/*
 * YaRN (arXiv 2309.00071). Pairs that rotate fast keep their speed. Pairs that rotate less than once within the trained
 * context are slowed by the whole factor. A ramp lies between. Queries and keys grow a little.
 */

interface Ramp {
  factor: number;
  /** The context of the training, tokens. */
  trained: number;
  /** With `fast` turns or more within that context a pair keeps its speed. Below `slow` turns it is slowed in full. */
  fast: number;
  slow: number;
  /** True where the ramp begins and ends at whole pairs. */
  wholePairs: boolean;
}

function slowedBy({ factor, trained, fast, slow, wholePairs }: Ramp, theta: number, dimension: number): number[] {
  const pairThatTurns = (times: number) =>
    (dimension * Math.log(trained / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const [begin, end] = [pairThatTurns(fast), pairThatTurns(slow)];
  const low = Math.max(0, wholePairs ? Math.floor(begin) : begin);
  const high = Math.min(dimension - 1, wholePairs ? Math.ceil(end) : end);
  return Array.from({ length: dimension / 2 }, (_, pair) => {
    const kept = 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
    return 1 / ((1 - kept) / factor + kept);
  });
}

/** How much longer YaRN makes queries and keys for a context that is `factor` times the trained one. */
export const yarnGrowth = (factor: number, scale = 1): number => (factor > 1 ? 1 + 0.1 * scale * Math.log(factor) : 1);

/** The two scales of a temperature, of which one alone has no meaning that is known; null without them. */
function temperatures(scaling: Fields): [number, number] | null {
  const keys = ['mscale', 'mscale_all_dim'] as const;
  const found = keys.filter((key) => scaling.raw(key) !== undefined);
  if (found.length === 1)
    throw scaling.unsupported(found[0], 'is set alone; no supported model has one without the other');
  return found.length === 0 ? null : [scaling.positive(keys[0]), scaling.positive(keys[1])];
}

/** From `rope_scaling` of config.json (transformers, modeling_rope_utils.py). Throws CORRUPT or UNSUPPORTED. */
export function huggingFaceYarn(scaling: Fields, config: Fields, theta: number, dimension: number): RotaryScaling {
  const factor = scaling.positive('factor');
  const scales = temperatures(scaling);
  const ramp: Ramp = {
    factor,
    trained: scaling.size('original_max_position_embeddings', config.size('max_position_embeddings')),
    fast: scaling.positive('beta_fast', 32),
    slow: scaling.positive('beta_slow', 1),
    wholePairs: scaling.flag('truncate') ?? true,
  };
  const frequencyFactors = slowedBy(ramp, theta, dimension);
  const usual = scales ? yarnGrowth(factor, scales[0]) / yarnGrowth(factor, scales[1]) : yarnGrowth(factor);
  return { frequencyFactors, magnitude: scaling.positive('attention_factor', usual) };
}

/**
 * From GGUF metadata under `rope.scaling`. The ramp is the one of llama.cpp (ggml_rope_yarn_corr_dims): it lies between
 * whole pairs for every model. Throws CORRUPT.
 */
export function ggufYarn(
  metadata: Fields,
  key: (suffix: string) => string,
  theta: number,
  dimension: number,
): RotaryScaling {
  const factor = metadata.positive(key('factor'));
  const ramp: Ramp = {
    factor,
    trained: metadata.size(key('original_context_length')),
    fast: metadata.positive(key('yarn_beta_fast'), 32),
    slow: metadata.positive(key('yarn_beta_slow'), 1),
    wholePairs: true,
  };
  const all = metadata.raw(key('yarn_log_multiplier')) ? metadata.positive(key('yarn_log_multiplier')) : 0;
  const magnitude = (metadata.positive(key('attn_factor'), 1) * (1 + 0.1 * Math.log(factor))) / yarnGrowth(factor, all);
  return { frequencyFactors: slowedBy(ramp, theta, dimension), magnitude };
}
