/**
 * One layer's mixer with a state of fixed size. The state is an array of `stateFloats` that belongs to the caller;
 * zeros are the state before the first token.
 *
 * The work is cut in two: `project` looks at each token by itself, `run` takes tokens through the state. What `project`
 * writes is all that the state depends on. So whoever keeps it, and the state before it, can take the state to any
 * token in between.
 */
export interface RecurrentLayer {
  readonly stateFloats: number;
  /** Floats per token that `project` writes. */
  readonly inputWidth: number;
  /** Floats per token that `run` writes. */
  readonly width: number;
  /** Bytes of weights held. */
  readonly residentBytes: number;
  /** inputs[tokens, inputWidth] = the projections of norm(x[tokens, hiddenSize]). */
  project(x: Float32Array, tokens: number, inputs: Float32Array): void;
  /**
   * Takes `tokens` tokens, row `first` and after of inputs[.., inputWidth], from the state `from` to the state `to`,
   * which may be the same array. Writes rows `first` and after of mixed[.., width], from the inputs of the last
   * `project`; with null the state alone is made, for which any inputs that were kept do.
   */
  run(
    inputs: Float32Array,
    first: number,
    tokens: number,
    from: Float32Array,
    to: Float32Array,
    mixed: Float32Array | null,
  ): void;
  dispose(): void;
}
