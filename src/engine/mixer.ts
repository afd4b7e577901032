/** Neighbouring tokens: `from` is the first, `to` the one after the last. */
export interface Span {
  from: number;
  to: number;
}

/** One sequence's tokens in a pass. */
export interface PassPart {
  /** Its number, by which the mixer knows its state. */
  readonly sequence: number;
  /** Its first row among those of the pass. */
  readonly row: number;
  readonly tokens: number;
  /** The position of its first token. */
  readonly position: number;
  /** Its tokens of pictures that see each other both ways, counted from its first one; in order, and whole. */
  readonly pictures: readonly Span[];
  /** Its last tokens stand beside others: by its number in the part, the token that each of them follows. */
  readonly after: readonly number[];
  /** True once its call has ended in the middle of the pass: nobody looks at its rows any more. */
  readonly dropped: boolean;
}

/** The tokens that go through all layers together. They may be of several sequences. */
export interface Pass {
  /** Rows of all parts. */
  readonly tokens: number;
  /** The position of each row in its sequence; the first `tokens` of them are in use. */
  readonly positions: Int32Array;
  /**
   * The positions that rotary embedding turns by: the same, or [3, most tokens] where they have a time, a row and a
   * column (pictures/grid-places.ts).
   */
  readonly rotaryPositions: Int32Array;
  readonly parts: readonly PassPart[];
}

/**
 * The part of a layer that mixes tokens with each other. It is the only part with a state that grows or changes from
 * token to token; everything else in the engine sees each token by itself.
 *
 * Attention (attention.ts) keeps keys and values, which grow with every position, and can go back to any of them. The
 * mixers of recurrent-mixer.ts keep a state of fixed size, which every token overwrites: they can go back to any length
 * inside the last pass, if that was short, and to lengths near those where a snapshot was taken. A model may have both
 * kinds (layer-mixers.ts). The engine asks for nothing else and knows no key-value cache. Each sequence has a state of
 * its own, under its number.
 */
export interface Mixer {
  /**
   * Sequence `to` becomes what another one holds of its first `length` tokens, with all that lets it go back. `rewind`
   * has to follow. Nothing may be between two layers.
   */
  copy(from: number, to: number, length: number): void;
  /**
   * mixed[tokens, the layer's width] = the layer's mix for x[tokens, hiddenSize], the rows of a pass. The states of its
   * sequences then hold their tokens, but for parts that were dropped, whose rows of `mixed` mean nothing. A layer with
   * one more mixer before its attention adds that one's part to x. Calls come layer by layer, and each sequence's
   * tokens position by position.
   */
  step(layer: number, x: Float32Array, pass: Pass, mixed: Float32Array): Promise<void>;
  /**
   * Keeps a sequence's state as it is now, so that `rewind` can come back to it. The number that are kept is bounded.
   */
  snapshot(sequence: number): void;
  /** Has a sequence's next pass keep a snapshot, so that `rewind` can come back to any of its last few tokens. */
  snapshotNext(sequence: number): void;
  /**
   * Restores the state of all layers after `length` positions of a sequence, or after the nearest shorter length that
   * it can return to; returns that length. 0 is always possible. It may come after a pass that broke off between two
   * layers: the length before that pass is then possible, too.
   */
  rewind(sequence: number, length: number): number;
  /**
   * Has two positions of a sequence change places. Absent where a state cannot: parts then have no tokens beside
   * others. A token beside others is held after those in a row, in the order of the part.
   */
  swap?(sequence: number, one: number, other: number): void;
  /** Writes the state of a sequence, of `length` tokens. What it hands out is valid during the call alone. */
  save(sequence: number, length: number, write: (bytes: Uint8Array) => void): void;
  /**
   * Reads what `save` wrote of `length` tokens into a sequence; `read` fills an array. Throws CORRUPT where that is no
   * such state, and after any error `rewind` to 0 has to follow.
   */
  load(sequence: number, length: number, read: (into: Uint8Array) => void): void;
  /** Bytes of the states of all sequences that are held now. */
  readonly bytes: number;
  /** The most floats per token that `step` writes. */
  readonly width: number;
  dispose(): void;
}
