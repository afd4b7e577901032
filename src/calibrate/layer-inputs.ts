/** What went into a layer's feed-forward network, token by token, wherever it is kept. */
export interface LayerInputs {
  readonly tokens: number;
  readonly hiddenSize: number;
  /** Copies rows [first, first + count) to into[at..], f32 [count, hiddenSize]. */
  read(first: number, count: number, into: Float32Array, at: number): void;
}
