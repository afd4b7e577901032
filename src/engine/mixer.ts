/**
 * The part of a layer that mixes tokens with each other. It is the only part with a state that grows or changes from
 * token to token; everything else in the engine sees each token by itself.
 *
 * Attention (attention.ts) is the mixer of today: its state is keys and values, which grow with every position, and it
 * can go back to any of them. A mixer with a state of fixed size (linear attention, a short convolution) fits the same
 * interface: it overwrites its state, so that it can go back only to lengths of which it kept a copy, the empty one
 * always. The engine asks for nothing else and knows no key-value cache.
 */
export interface Mixer {
  /**
   * mixed[tokens, width] = the layer's mix for x[tokens, hiddenSize], whose tokens stand at `position` and after. The
   * state then holds them. Calls come position by position, and within a chunk layer by layer.
   */
  step(layer: number, x: Float32Array, tokens: number, position: number, mixed: Float32Array): Promise<void>;
  /**
   * Takes the state of all layers back to `length` positions, or to the nearest shorter length that it can return to;
   * returns that length. 0 is always possible. It may come after a pass that broke off between two layers.
   */
  rewind(length: number): number;
  /** Bytes of state held now. */
  readonly bytes: number;
  /** Floats per token that `step` writes. */
  readonly width: number;
  dispose(): void;
}
