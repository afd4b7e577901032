import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { DenseMatrix } from '../dense/dense-matrix.js';
import { type AppliedNorm, rmsNorm } from '../dense/norm.js';
import type { Rotary } from '../dense/rotary.js';
import { scaleBy } from '../dense/vectors.js';
import { type Compression, compressionOf } from '../model/compressed-tensors.js';
import type { CompressedAttentionSpec, ModelSpec } from '../model/spec.js';
import type { ResidentLayerTensor } from '../model/tensor-names.js';
import { pendingFloats } from './compressed-size.js';
import { type MixerLoad, MixerTensors } from './mixer-tensors.js';

/** The projections of an index: of queries, and of the weights of their heads. */
interface IndexProjections {
  queries: ResidentMatrix;
  weights: ResidentMatrix;
}

/** What keys are made of: a matrix of values and one of gates, to which each position within a key adds its own. */
interface PendingProjections {
  keys: ResidentMatrix;
  gates: ResidentMatrix;
  positions: Float32Array;
}

/** What `project` makes of a pass, beside queries and keys. Row t is of token t. */
export interface CompressedRows {
  /** What keys, and then their index, are made of: [values | gates], and the same of the index. */
  pending: Float32Array;
  /** The queries of the index, [heads * headDim] each, and the weights of its heads. */
  indexQueries: Float32Array;
  indexWeights: Float32Array;
}

/** Rotary embeddings: of heads, and of the index's queries, in layers of one kind. */
export interface LayerRotaries {
  heads: Rotary;
  index: Rotary;
}

/**
 * The projections of one layer of compressed attention (llama.cpp, deepseek4.cpp). Throws CORRUPT, NOT_FOUND, IO or
 * BridgeError, and then holds nothing.
 */
export class CompressedProjections {
  readonly #spec: ModelSpec;
  readonly #attention: CompressedAttentionSpec;
  readonly #compression: Compression | null;
  readonly #tensors: MixerTensors;
  readonly #rotaries: LayerRotaries;
  readonly #norm: AppliedNorm;
  readonly #bottleneck: DenseMatrix;
  readonly #bottleneckNorm: Float32Array;
  readonly #queries: DenseMatrix;
  readonly #queryNorm: Float32Array;
  readonly #input: DenseMatrix;
  readonly #inputNorm: Float32Array;
  readonly #groups: ResidentMatrix;
  readonly #pending: PendingProjections[];
  readonly #index: IndexProjections | null;
  readonly #width: number;
  readonly #rows: Record<'normed' | 'bottleneck' | 'products', Float32Array>;

  constructor(load: MixerLoad, layer: number, attention: CompressedAttentionSpec, rotaries: LayerRotaries) {
    const tensors = new MixerTensors(load, layer);
    const compression = compressionOf(attention, layer);
    this.#spec = load.spec;
    this.#attention = attention;
    this.#compression = compression;
    this.#tensors = tensors;
    this.#rotaries = rotaries;
    this.#width = pendingFloats(load.spec, layer);
    try {
      this.#norm = tensors.norm();
      this.#bottleneck = tensors.matrix('latentQueryInput');
      this.#bottleneckNorm = tensors.vector('latentQueryNorm');
      this.#queries = tensors.matrix('q');
      this.#input = tensors.matrix('latentInput');
      this.#inputNorm = tensors.vector('latentNorm');
      this.#groups = tensors.resident('outputGroups');
      this.#pending = compression ? [pendingOf(tensors, 'compress')] : [];
      if (compression?.indexed) this.#pending.push(pendingOf(tensors, 'indexCompress'));
      this.#index = compression?.indexed
        ? { queries: tensors.resident('indexQueries'), weights: tensors.resident('indexWeights') }
        : null;
    } catch (error) {
      tensors.dispose();
      throw error;
    }
    this.#queryNorm = new Float32Array(load.spec.headDim).fill(1);
    this.#rows = {
      normed: tensors.rows('normed', load.spec.hiddenSize),
      bottleneck: tensors.rows('bottleneck', attention.queryRank),
      products: tensors.rows('products', Math.max(this.#width, 1)),
    };
  }

  /**
   * Makes q[tokens, heads * headDim] and keys[tokens, headDim] of the residual stream x[tokens, hiddenSize], and the
   * rows of what is compressed. Token t stands at positions[t].
   */
  project(
    x: Float32Array,
    tokens: number,
    positions: ArrayLike<number>,
    q: Float32Array,
    keys: Float32Array,
    rows: CompressedRows,
  ): void {
    const { normEpsilon, numAttentionHeads } = this.#spec;
    const { normed, bottleneck } = this.#rows;
    this.#norm.apply(x, tokens, normed);
    this.#bottleneck.matmul(normed, tokens, bottleneck);
    rmsNorm(bottleneck, tokens, this.#bottleneckNorm, normEpsilon, bottleneck);
    this.#queries.matmul(bottleneck, tokens, q);
    rmsNorm(q, tokens * numAttentionHeads, this.#queryNorm, normEpsilon, q);
    this.#rotaries.heads.apply(q, tokens, numAttentionHeads, positions);
    this.#input.matmul(normed, tokens, keys);
    rmsNorm(keys, tokens, this.#inputNorm, normEpsilon, keys);
    this.#rotaries.heads.apply(keys, tokens, 1, positions);
    this.#fillPending(tokens, positions, rows.pending);
    if (!this.#index) return;
    const { heads, headDim } = this.#attention.index;
    this.#index.queries.matmul(bottleneck, tokens, rows.indexQueries);
    this.#rotaries.index.apply(rows.indexQueries, tokens, heads, positions);
    this.#index.weights.matmul(normed, tokens, rows.indexWeights);
    scaleBy(rows.indexWeights, tokens * heads, 1 / Math.sqrt(heads * headDim));
  }

  /** mixed[tokens, groups * rank] of attention's answers[tokens, heads * headDim], which are turned back in place. */
  finish(answers: Float32Array, tokens: number, positions: ArrayLike<number>, mixed: Float32Array): void {
    this.#rotaries.heads.apply(answers, tokens, this.#spec.numAttentionHeads, positions, true);
    this.#groups.multiplyHeads(answers, tokens, this.#attention.outputGroups, false, mixed);
  }

  dispose(): void {
    this.#tensors.dispose();
  }

  /** A row of `pending` is [values | gates] of keys, and then of their index. */
  #fillPending(tokens: number, positions: ArrayLike<number>, pending: Float32Array): void {
    const { normed, products } = this.#rows;
    let column = 0;
    for (const { keys, gates, positions: added } of this.#pending) {
      keys.matmul(normed, tokens, products);
      this.#place(products, keys.rows, tokens, pending, column);
      gates.matmul(normed, tokens, products);
      for (let token = 0; token < tokens; token++) {
        const from = (positions[token] % this.#compression!.ratio) * gates.rows;
        for (let i = 0; i < gates.rows; i++) products[token * gates.rows + i] += added[from + i];
      }
      this.#place(products, gates.rows, tokens, pending, column + keys.rows);
      column += keys.rows + gates.rows;
    }
  }

  #place(products: Float32Array, columns: number, tokens: number, pending: Float32Array, column: number): void {
    for (let token = 0; token < tokens; token++) {
      const to = token * this.#width + column;
      for (let i = 0; i < columns; i++) pending[to + i] = products[token * columns + i];
    }
  }
}

function pendingOf(tensors: MixerTensors, prefix: 'compress' | 'indexCompress'): PendingProjections {
  const name = (part: 'Keys' | 'Gates' | 'Positions'): ResidentLayerTensor => `${prefix}${part}`;
  return {
    keys: tensors.resident(name('Keys')),
    gates: tensors.resident(name('Gates')),
    positions: tensors.vector(name('Positions')),
  };
}
