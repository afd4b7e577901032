/**
 * The resident half of a model: everything except the feed-forward networks and attention itself. All buffers belong to
 * the caller and hold at least `tokens` rows. Unless a method says that it adds, it overwrites its outputs.
 */
export interface DenseHalf {
  /** Bytes of weights held in memory. */
  readonly residentBytes: number;
  /**
   * x[ids.length, hiddenSize] = the embedding rows of `ids`, plus learned positions from `position` on if the model
   * has them.
   */
  embed(ids: ArrayLike<number>, position: number, x: Float32Array): void;
  /**
   * Makes q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] from the residual stream x[tokens,
   * hiddenSize]: norm, projections, biases, norms of q and k, rotary. Token t stands at position `position + t`. Where
   * queries come with gates, `gates` receives them, [tokens, heads * headDim], and q needs room for both.
   */
  attentionInput(
    layer: number,
    x: Float32Array,
    tokens: number,
    position: number,
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
    gates?: Float32Array | null,
  ): void;
  /**
   * x[tokens, hiddenSize] += o(attention[tokens, heads * headDim]); ffnInput[tokens, hiddenSize] = norm(x). In a model
   * whose attention and feed-forward network run side by side, the norm is of x before the sum.
   */
  attentionOutput(
    layer: number,
    attention: Float32Array,
    x: Float32Array,
    tokens: number,
    ffnInput: Float32Array,
  ): void;
  /**
   * Finishes the streamed network's output[tokens, hiddenSize] in place: adds the shared expert's part, made from
   * x[tokens, hiddenSize], and the output's bias, then applies the norm that some models have here.
   */
  finishFeedForward(layer: number, x: Float32Array, tokens: number, output: Float32Array): void;
  /** logits[tokens, vocabSize] = the head of the last norm of x[tokens, hiddenSize], the residual stream. */
  logits(x: Float32Array, tokens: number, logits: Float32Array): void;
  dispose(): Promise<void> | void;
}
