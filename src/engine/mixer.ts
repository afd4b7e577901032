/**
 * The part of a layer that mixes tokens with each other. It is the only part with a state that grows or changes from
 * token to token; everything else in the engine sees each token by itself.
 *
 * Attention (attention.ts) keeps keys and values, which grow with every position, and can go back to any of them. The
 * mixers of recurrent-mixer.ts keep a state of fixed size, which every token overwrites: they can go back to any length
 * inside the last pass, if that was short, and to lengths near those where a snapshot was taken. A model may have both
 * kinds (layer-mixers.ts). The engine asks for nothing else and knows no key-value cache.
 */
export interface Mixer {
  /** All other calls are about this sequence from now on: each has a state of its own. At first it is sequence 0. */
  use(sequence: number): void;
  /**
   * The sequence in use becomes what another one holds of its first `length` tokens, with all that lets it go back.
   * `rewind` has to follow.
   */
  copy(from: number, length: number): void;
  /**
   * mixed[tokens, the layer's width] = the layer's mix for x[tokens, hiddenSize], whose tokens stand at `position` and
   * after. The state then holds them. A layer with one more mixer before its attention adds that one's part to x. Calls
   * come position by position, and within a chunk layer by layer.
   */
  step(layer: number, x: Float32Array, tokens: number, position: number, mixed: Float32Array): Promise<void>;
  /** Keeps the state as it is now, so that `rewind` can come back to it. The number that are kept is bounded. */
  snapshot(): void;
  /** Has the pass that comes next keep a snapshot, so that `rewind` can come back to any of its last few tokens. */
  snapshotNext(): void;
  /**
   * Restores the state of all layers after `length` positions, or after the nearest shorter length that it can return
   * to; returns that length. 0 is always possible. It may come after a pass that broke off between two layers: the
   * length before that pass is then possible, too.
   */
  rewind(length: number): number;
  /** Writes the state of the sequence in use, of `length` tokens. What it hands out is valid during the call alone. */
  save(length: number, write: (bytes: Uint8Array) => void): void;
  /**
   * Reads what `save` wrote of `length` tokens into the sequence in use; `read` fills an array. Throws CORRUPT where
   * that is no such state, and after any error `rewind(0)` has to follow.
   */
  load(length: number, read: (into: Uint8Array) => void): void;
  /** Bytes of the states of all sequences that are held now. */
  readonly bytes: number;
  /** The most floats per token that `step` writes. */
  readonly width: number;
  dispose(): void;
}
