import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { rmsNorm } from '../dense/norm.js';
import type { Rotary } from '../dense/rotary.js';
import type { BlockIndexSpec } from '../model/spec.js';
import { type MixerLoad, MixerTensors } from './mixer-tensors.js';

/** Floats that the index of one layer keeps of a sequence of `contextSize` tokens. */
export const indexFloats = ({ headDim, blockSize }: BlockIndexSpec, contextSize: number): number =>
  headDim * (contextSize + Math.floor(contextSize / blockSize));

/** What the index of one layer keeps of a sequence. */
export interface IndexState {
  /** A key for each position, as it was projected, [contextSize, headDim]. */
  keys: Float32Array;
  /** A key for each whole block: the mean of its positions' keys, in a norm, turned; [blocks, headDim]. */
  blocks: Float32Array;
}

/**
 * The index of one layer's attention (transformers, modeling_qwen4_exp.py, Qwen4ExpTextQSAIndexer): a token's score for
 * a block is the sum over heads of relu(query . the block's key). Throws CORRUPT, NOT_FOUND, IO or BridgeError, and
 * then holds nothing.
 */
export class BlockIndex {
  readonly #spec: BlockIndexSpec;
  readonly #epsilon: number;
  readonly #tensors: MixerTensors;
  readonly #queries: ResidentMatrix;
  readonly #keys: ResidentMatrix;
  readonly #queryNorm: Float32Array;
  readonly #keyNorm: Float32Array;
  readonly #rotary: Rotary;
  readonly #ofBlocks: Rotary;
  readonly #rows: Record<'queries' | 'keys', Float32Array>;
  readonly #scores: Float32Array;
  readonly #sorted: Float32Array;
  readonly #start = new Int32Array(1);

  /** `rotaries` turn queries, and blocks one by one; all layers share them, and `scores`, [2, blocks]. */
  constructor(
    load: MixerLoad,
    layer: number,
    spec: BlockIndexSpec,
    { rotary, ofBlocks, scores }: { rotary: Rotary; ofBlocks: Rotary; scores: Float32Array },
  ) {
    const tensors = new MixerTensors(load, layer);
    this.#spec = spec;
    this.#epsilon = load.spec.normEpsilon;
    this.#tensors = tensors;
    this.#rotary = rotary;
    this.#ofBlocks = ofBlocks;
    this.#scores = scores.subarray(0, scores.length / 2);
    this.#sorted = scores.subarray(scores.length / 2);
    try {
      this.#queries = tensors.resident('indexQueries');
      this.#keys = tensors.resident('indexKeys');
      this.#queryNorm = tensors.normVector('indexQueryNorm');
      this.#keyNorm = tensors.normVector('indexKeyNorm');
    } catch (error) {
      tensors.dispose();
      throw error;
    }
    this.#rows = {
      queries: tensors.rows('indexQueries', spec.heads * spec.headDim),
      keys: tensors.rows('indexKeys', spec.headDim),
    };
  }

  /** Makes queries and keys of x[tokens, hiddenSize], the layer's input. Token t stands at positions[t]. */
  project(x: Float32Array, tokens: number, positions: ArrayLike<number>): void {
    const { queries, keys } = this.#rows;
    const { heads } = this.#spec;
    this.#queries.matmul(x, tokens, queries);
    this.#keys.matmul(x, tokens, keys);
    rmsNorm(queries, tokens * heads, this.#queryNorm, this.#epsilon, queries);
    this.#rotary.apply(queries, tokens, heads, positions);
  }

  /** Keeps the keys of `tokens` tokens of the last `project`, from row `row` on, at `position` and after. */
  append(state: IndexState, row: number, tokens: number, position: number): void {
    const { headDim, blockSize } = this.#spec;
    state.keys.set(this.#rows.keys.subarray(row * headDim, (row + tokens) * headDim), position * headDim);
    const last = Math.floor((position + tokens) / blockSize);
    for (let block = Math.floor(position / blockSize); block < last; block++) this.#finishBlock(state, block);
  }

  /**
   * Marks the blocks that the token in row `row`, at `position`, sees: seen[at..], 1 for those that it does. Returns
   * false where it sees all.
   */
  mark(state: IndexState, row: number, position: number, seen: Uint8Array, at: number): boolean {
    const { blockSize, topBlocks } = this.#spec;
    const whole = Math.floor((position + 1) / blockSize);
    if (whole <= topBlocks) return false;
    const scores = this.#scores.subarray(0, whole);
    for (let block = 0; block < whole; block++) scores[block] = this.#score(state, row, block);
    const sorted = this.#sorted.subarray(0, whole);
    sorted.set(scores);
    sorted.sort();
    const least = sorted[whole - topBlocks];
    let left = topBlocks;
    for (let block = 0; block < whole; block++) {
      seen[at + block] = scores[block] > least ? 1 : 0;
      left -= seen[at + block];
    }
    // Of blocks as good as each other the first ones count.
    for (let block = 0; block < whole && left > 0; block++)
      if (scores[block] === least) {
        seen[at + block] = 1;
        left--;
      }
    return true;
  }

  dispose(): void {
    this.#tensors.dispose();
  }

  #finishBlock({ keys, blocks }: IndexState, block: number): void {
    const { headDim, blockSize } = this.#spec;
    const key = blocks.subarray(block * headDim, (block + 1) * headDim);
    for (let i = 0; i < headDim; i++) {
      let sum = 0;
      for (let at = block * blockSize; at < (block + 1) * blockSize; at++) sum += keys[at * headDim + i];
      key[i] = sum / blockSize;
    }
    rmsNorm(key, 1, this.#keyNorm, this.#epsilon, key);
    this.#start[0] = block * blockSize;
    this.#ofBlocks.apply(key, 1, 1, this.#start);
  }

  #score({ blocks }: IndexState, row: number, block: number): number {
    const { heads, headDim } = this.#spec;
    const { queries } = this.#rows;
    let score = 0;
    for (let head = 0; head < heads; head++) {
      const query = (row * heads + head) * headDim;
      let product = 0;
      for (let i = 0; i < headDim; i++) product += queries[query + i] * blocks[block * headDim + i];
      if (product > 0) score += product;
    }
    return score;
  }
}
