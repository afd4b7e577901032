import type { FewIds } from '../draft/few-ids.js';
import type { HiddenJoin } from './hidden-join.js';
import type { ResidualStreams } from './residual-streams.js';

/** The inputs of a layer's streamed network, or of its experts, and of its router. */
export interface NetworkInputs {
  experts: Float32Array;
  router: Float32Array;
}

/**
 * The resident half of a model: everything except the feed-forward networks and attention itself. All buffers belong to
 * the caller and hold at least `tokens` rows. Unless a method says that it adds, it overwrites its outputs.
 */
export interface DenseHalf {
  /** Bytes of weights held in memory. */
  readonly residentBytes: number;
  /**
   * The residual streams of a pass, where there are several that gates mix; else null. x is then what a layer reads of
   * them.
   */
  readonly streams: ResidualStreams | null;
  /** What a block that predicts further tokens begins with, after `embed`; null in a whole model. */
  readonly join: HiddenJoin | null;
  /**
   * Begins a pass, whose tokens may be of several sequences. x[ids.length, hiddenSize] = the embedding rows of `ids`,
   * plus the learned vectors of positions[ids.length] if the model has them.
   */
  embed(ids: ArrayLike<number>, positions: ArrayLike<number>, x: Float32Array): void;
  /**
   * Makes q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] from the residual stream x[tokens,
   * hiddenSize]: norm, projections, biases, norms of q and k, rotary. Token t stands at positions[t]. Where
   * queries come with gates, `gates` receives them, [tokens, heads * headDim], and q needs room for both.
   */
  attentionInput(
    layer: number,
    x: Float32Array,
    tokens: number,
    positions: ArrayLike<number>,
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
   * What a layer's experts and its router read, [tokens, hiddenSize]: `ffnInput` in most models, else made of the
   * residual stream x, and valid until the next call.
   */
  networkInputs(layer: number, x: Float32Array, tokens: number, ffnInput: Float32Array): NetworkInputs;
  /**
   * Finishes the streamed network's output[tokens, hiddenSize] in place: adds the shared expert's part, made from
   * x[tokens, hiddenSize], and the output's bias, then applies the norm that some models have here.
   */
  finishFeedForward(layer: number, x: Float32Array, tokens: number, output: Float32Array): void;
  /**
   * Ends a layer, after its network's output was added to x[tokens, hiddenSize]: adds the layer's own inputs, made of
   * the ids of the last `embed`, and applies the factor of the layer's output, where the model has them.
   */
  finishLayer(layer: number, x: Float32Array, tokens: number): void;
  /** logits[tokens, vocabSize] = the head of the last norm of x[tokens, hiddenSize], the residual stream. */
  logits(x: Float32Array, tokens: number, logits: Float32Array): void;
  /**
   * The logits[vocabSize] of a token, x[hiddenSize], for some ids. Those of all others are -Infinity; right, too, where
   * the head is streamed.
   */
  fewLogits(x: Float32Array, ids: FewIds, logits: Float32Array): void;
  dispose(): Promise<void> | void;
}
