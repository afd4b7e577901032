/**
 * What mixes tokens with each other in a layer: attention today, perhaps linear attention or a short convolution tomorrow. The engine
 * asks for nothing else, and assumes no key-value cache.
 */
export interface Mixer {
  /**
   * mixed[tokens, width] of the layer's input, for positions `position`..; remembers what later positions need. Calls come layer by layer, position by position.
   */
  step(layer: number, x: Float32Array, tokens: number, position: number, mixed: Float32Array): Promise<void>;
  /**
   * Takes the state back to `length` positions, or to the nearest earlier length it can return to; returns that length. Attention can return to any.
   */
  rewind(length: number): number;
  /** Bytes of state held now. */
  readonly bytes: number;
  /** Floats per token that `step` writes. */
  readonly width: number;
  dispose(): void;
}
