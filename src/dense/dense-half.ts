/**
 * The resident half of a model: everything but the feed-forward networks and attention itself. All buffers belong to the
 * caller and hold at least `tokens` rows; outputs overwrite.
 */
export interface DenseHalf {
  /** Bytes of weights held in memory, measured where a library holds them. */
  readonly residentBytes: number;
  /** Embedding rows of `ids`, with what positions `position`.. add where they are learned, into x[ids.length, hiddenSize]. */
  embed(ids: ArrayLike<number>, position: number, x: Float32Array): void;
  /** From the residual stream x[tokens, hiddenSize]: norm, then q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim], with biases and norms, turned by rotary for positions `position`... */
  attentionInput(
    layer: number,
    x: Float32Array,
    tokens: number,
    position: number,
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
  ): Promise<void> | void;
  /** x += o(attention[tokens, heads * headDim]); ffnInput[tokens, hiddenSize] = norm(x), of x before the sum where the two run side by side. */
  attentionOutput(
    layer: number,
    attention: Float32Array,
    x: Float32Array,
    tokens: number,
    ffnInput: Float32Array,
  ): Promise<void> | void;
  /** Adds to the streamed network's output[tokens, hiddenSize] what the resident half knows of it: the shared expert's part, of x[tokens, hiddenSize], and the output's bias. */
  finishFeedForward(layer: number, x: Float32Array, tokens: number, output: Float32Array): void;
  /** logits[tokens, vocabSize] of the residual stream x[tokens, hiddenSize]. */
  logits(x: Float32Array, tokens: number, logits: Float32Array): Promise<void> | void;
  dispose(): Promise<void> | void;
}
