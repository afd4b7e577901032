import { BestKeys } from './best-keys.js';
import { compressedRow } from './compressed-size.js';

interface IndexSizes {
  heads: number;
  headDim: number;
  topKeys: number;
}

/**
 * Says which compressed keys a token sees (llama.cpp, deepseek4.cpp, build_lid_top_k): a key's score is the sum over
 * heads of weight * relu(query . the index's key), and the best count.
 */
export class KeyIndex {
  readonly #sizes: IndexSizes;
  readonly #scores: Float32Array;
  readonly #best: BestKeys;

  /** `mostKeys`: of one layer. */
  constructor(sizes: IndexSizes, mostKeys: number) {
    this.#sizes = sizes;
    this.#scores = new Float32Array(mostKeys);
    this.#best = new BestKeys(Math.min(sizes.topKeys, mostKeys));
  }

  /**
   * Marks the rows of those of the first `count` keys that token `row` sees: seen[at + the key's row] = 1. `keys` are
   * the index's own, [count, headDim]; queries [tokens, heads * headDim] and weights [tokens, heads] the tokens'.
   */
  mark(
    keys: Float32Array,
    count: number,
    { queries, weights }: { queries: Float32Array; weights: Float32Array },
    row: number,
    { seen, at, ratio }: { seen: Uint8Array; at: number; ratio: number },
  ): void {
    const scores = this.#scores;
    const chooses = count > this.#sizes.topKeys;
    for (let key = 0; chooses && key < count; key++) scores[key] = this.#score(keys, key, queries, weights, row);
    for (const key of this.#best.of(scores, count)) seen[at + compressedRow(ratio, key)] = 1;
  }

  #score(keys: Float32Array, key: number, queries: Float32Array, weights: Float32Array, row: number): number {
    const { heads, headDim } = this.#sizes;
    const at = key * headDim;
    let score = 0;
    for (let head = 0; head < heads; head++) {
      const query = (row * heads + head) * headDim;
      let product = 0;
      for (let i = 0; i < headDim; i++) product += queries[query + i] * keys[at + i];
      if (product > 0) score += weights[row * heads + head] * product;
    }
    return score;
  }
}
