import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { DenseMatrix } from '../dense/dense-matrix.js';
import { type AppliedNorm, rmsNorm } from '../dense/norm.js';
import { Rotary } from '../dense/rotary.js';
import { heat, scaleBy } from '../dense/vectors.js';
import type { LatentAttentionSpec, ModelSpec } from '../model/spec.js';
import { type MixerLoad, MixerTensors } from './mixer-tensors.js';

/**
 * The projections of one layer of latent attention (arXiv 2405.04434), in the absorbed form: keys and values are
 * [latent | rotary part], one for all heads, and queries are brought into their space. Throws CORRUPT, NOT_FOUND, IO or
 * BridgeError, and then holds nothing.
 */
export class LatentProjections {
  readonly residentBytes: number;
  readonly #spec: ModelSpec;
  readonly #latent: LatentAttentionSpec;
  readonly #tensors: MixerTensors;
  readonly #rotary: Rotary;
  readonly #norm: AppliedNorm;
  readonly #epsilon: number;
  /** Null where queries have no bottleneck. */
  readonly #bottleneck: { matrix: DenseMatrix; norm: Float32Array; rows: Float32Array } | null;
  readonly #queries: DenseMatrix;
  readonly #input: DenseMatrix;
  readonly #inputNorm: Float32Array;
  readonly #keys: ResidentMatrix;
  readonly #values: ResidentMatrix;
  readonly #rows: Record<'normed' | 'queries' | 'plain' | 'absorbed' | 'turning' | 'latents', Float32Array>;

  /** `rotary` turns the rotary parts alone, and is the same for all layers. */
  constructor(load: MixerLoad, layer: number, latent: LatentAttentionSpec, rotary: Rotary) {
    const tensors = new MixerTensors(load, layer);
    const heads = load.spec.numAttentionHeads;
    const rows = (name: string, width: number) => tensors.rows(name, width);
    this.#spec = load.spec;
    this.#latent = latent;
    this.#epsilon = latent.normEpsilon ?? load.spec.normEpsilon;
    this.#tensors = tensors;
    this.#rotary = rotary;
    try {
      this.#norm = tensors.norm();
      this.#bottleneck = latent.queryRank
        ? {
            matrix: tensors.matrix('latentQueryInput'),
            norm: tensors.vector('latentQueryNorm'),
            rows: rows('bottleneck', latent.queryRank),
          }
        : null;
      this.#queries = tensors.matrix('q');
      this.#input = tensors.matrix('latentInput');
      this.#inputNorm = tensors.vector('latentNorm');
      this.#keys = tensors.resident('latentKeys');
      this.#values = tensors.resident('latentValues');
    } catch (error) {
      tensors.dispose();
      throw error;
    }
    this.#rows = {
      ...{ normed: rows('normed', load.spec.hiddenSize), queries: rows('queries', this.#queries.rows) },
      ...{ plain: rows('plain', heads * latent.keyDim), absorbed: rows('absorbed', heads * latent.latentDim) },
      ...{ turning: rows('turning', heads * latent.rotaryDim), latents: rows('latents', latent.latentDim) },
    };
    this.residentBytes = tensors.bytes;
  }

  /**
   * Makes keys[tokens, latent + rotary] and q[tokens, heads * (latent + rotary)] of the residual stream x[tokens,
   * hiddenSize]. Token t stands at positions[t].
   */
  project(x: Float32Array, tokens: number, positions: ArrayLike<number>, q: Float32Array, keys: Float32Array): void {
    const { normed, queries } = this.#rows;
    this.#norm.apply(x, tokens, normed);
    if (this.#bottleneck) {
      const { matrix, norm, rows } = this.#bottleneck;
      matrix.matmul(normed, tokens, rows);
      rmsNorm(rows, tokens, norm, this.#epsilon, rows);
      this.#queries.matmul(rows, tokens, queries);
    } else this.#queries.matmul(normed, tokens, queries);
    this.#input.matmul(normed, tokens, keys);
    this.#finishKeys(tokens, positions, keys);
    this.#absorb(tokens, positions, q);
  }

  /** mixed[tokens, heads * valueDim] of attention's answers[tokens, heads * latent]. */
  values(answers: Float32Array, tokens: number, mixed: Float32Array): void {
    this.#values.multiplyHeads(answers, tokens, this.#spec.numAttentionHeads, false, mixed);
  }

  dispose(): void {
    this.#tensors.dispose();
  }

  /** Norms the latents and turns the rotary parts, in place. */
  #finishKeys(tokens: number, positions: ArrayLike<number>, keys: Float32Array): void {
    const { latentDim, rotaryDim } = this.#latent;
    const { latents, turning } = this.#rows;
    const width = latentDim + rotaryDim;
    copyColumns(keys, width, 0, latents, latentDim, 0, latentDim, tokens);
    rmsNorm(latents, tokens, this.#inputNorm, this.#epsilon, latents);
    copyColumns(latents, latentDim, 0, keys, width, 0, latentDim, tokens);
    copyColumns(keys, width, latentDim, turning, rotaryDim, 0, rotaryDim, tokens);
    this.#rotary.apply(turning, tokens, 1, positions);
    copyColumns(turning, rotaryDim, 0, keys, width, latentDim, rotaryDim, tokens);
  }

  /** Brings the queries into the space of the latents, and turns their rotary parts. */
  #absorb(tokens: number, positions: ArrayLike<number>, q: Float32Array): void {
    const { latentDim, rotaryDim, keyDim, keyLayout } = this.#latent;
    const { queries, plain, absorbed, turning } = this.#rows;
    const { numAttentionHeads, queryScale, queryTemperature } = this.#spec;
    const [from, to] = [keyDim + rotaryDim, latentDim + rotaryDim];
    const rows = tokens * numAttentionHeads;
    copyColumns(queries, from, 0, plain, keyDim, 0, keyDim, rows);
    copyColumns(queries, from, keyDim, turning, rotaryDim, 0, rotaryDim, rows);
    this.#keys.multiplyHeads(plain, tokens, numAttentionHeads, keyLayout === 'by-key', absorbed);
    this.#rotary.apply(turning, tokens, numAttentionHeads, positions);
    copyColumns(absorbed, latentDim, 0, q, to, 0, latentDim, rows);
    copyColumns(turning, rotaryDim, 0, q, to, latentDim, rotaryDim, rows);
    if (queryTemperature) heat(q, tokens, numAttentionHeads * to, positions, queryTemperature);
    if (queryScale !== 1) scaleBy(q, rows * to, queryScale);
  }
}

/** Copies `count` columns of rows of `fromWidth` into rows of `toWidth`, from column `fromAt` on to column `toAt`. */
function copyColumns(
  from: Float32Array,
  fromWidth: number,
  fromAt: number,
  to: Float32Array,
  toWidth: number,
  toAt: number,
  count: number,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const source = row * fromWidth + fromAt;
    const target = row * toWidth + toAt;
    for (let i = 0; i < count; i++) to[target + i] = from[source + i];
  }
}

/** Loads the projections of all layers, or none: if one fails, those before it are let go. */
export function loadLatent(load: MixerLoad, latent: LatentAttentionSpec): LatentProjections[] {
  const layers: LatentProjections[] = [];
  const rotary = new Rotary(load.spec.rotary!, latent.rotaryDim, load.maxTokens);
  try {
    for (let layer = 0; layer < load.spec.numLayers; layer++)
      layers.push(new LatentProjections(load, layer, latent, rotary));
  } catch (error) {
    for (const layer of layers) layer.dispose();
    throw error;
  }
  return layers;
}
