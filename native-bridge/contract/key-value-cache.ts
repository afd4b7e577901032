export interface KeyValueCacheOptions {
  numLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  contextSize: number;
  /**
   * `i16`: 16-bit integers with an f32 scale per position and head. They are as large as f16 and about seven times
   * finer: the values of a head are of one order of magnitude, and an exponent for each is wasted. `i8`: 8-bit integers
   * likewise, which are 256 times coarser.
   */
  format: 'i8' | 'i16' | 'f32';
  /**
   * Values are the first so many numbers of the keys, which are then all that is kept (arXiv 2405.04434). Absent:
   * values are of their own, [headDim].
   */
  sharedValueDim?: number;
  /** Positions that a token sees in each layer, its own included; 0: all. Absent: all in every layer. */
  windows?: Uint32Array;
  /**
   * Attention sinks, [numLayers, numAttentionHeads]: logits that take part in a head's softmax and bring no value
   * (arXiv 2309.17453, 2508.10925).
   */
  sinks?: Float32Array;
  /**
   * Logits x, scaled by 1/sqrt(headDim), become softCap * tanh(x / softCap) (arXiv 2408.00118). Absent: they stay as
   * they are.
   */
  softCap?: number;
}

/** Keys and values of past positions, in pages of 64 positions, which take memory as they are first written. */
export interface KeyValueCache {
  /**
   * Stores k and v, each [tokens, numKeyValueHeads * headDim], at positions `position`.. of a layer. Where values are
   * part of the keys, v is not looked at.
   */
  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void;
  /**
   * Causal softmax attention, scale 1/sqrt(headDim). Token t of q[tokens, numAttentionHeads * headDim] sees positions 0
   * to position + t, or the last of them in a layer with a window. Writes out[tokens, numAttentionHeads * headDim], or
   * * sharedValueDim. With seen[tokens, ceil((position + tokens) / blockSize)] a token sees those blocks of positions
   * alone whose entry is not 0: one at least. Pages that no token sees may have been dropped.
   */
  attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    seen?: Uint8Array,
    blockSize?: number,
  ): void;
  /** The same for tokens that see each other both ways, as those of a picture may, also beyond a window. */
  attendTogether(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void;
  /**
   * Forgets a layer's positions from `length` on, and frees whole pages beyond it. Small pages share memory, which is
   * freed with the last of them.
   */
  truncate(layer: number, length: number): void;
  /** Has two positions that a layer holds change places. Throws USAGE for one that it does not hold. */
  swap(layer: number, one: number, other: number): void;
  /**
   * Frees a layer's pages that lie whole between two positions that are held. Attention that would see one of them, and
   * a position to be written after one of them within its page, is then USAGE.
   */
  drop(layer: number, from: number, to: number): void;
  /** Has layer `to` hold what layer `from` holds of its first `length` positions, and nothing else. */
  copy(from: number, to: number, length: number): void;
  /**
   * Writes a page that a layer holds, of positions 64 * page and after: `keyValuePageBytes` bytes, keys, values, and
   * then their scales.
   */
  savePage(layer: number, page: number, into: Uint8Array): void;
  /** Has a layer hold a page that was saved. Positions up to its end then count as held, if the context has them. */
  loadPage(layer: number, page: number, from: Uint8Array): void;
  /** Bytes of pages held now. */
  readonly bytes: number;
  dispose(): void;
}
