/**
 * A causal convolution of each channel by itself: out[t, c] = bias[c] + sum over j of weights[j, c] * column t - kernel
 * + 1 + j, then SiLU if asked. Columns before the first token are kept from earlier ones.
 */
export interface ConvolutionCall {
  /**
   * [kernel - 1, channels] at their beginning: the columns before the call, and those after it. They may be one array.
   */
  from: Float32Array;
  to: Float32Array;
  tokens: number;
  channels: number;
  kernel: number;
  /** Rows of `stride` floats, whose first `channels` are taken; the first token is row `first`. */
  inputs: Float32Array;
  stride: number;
  first: number;
  /** [kernel, channels] */
  weights: Float32Array;
  /** [channels] */
  bias: Float32Array | null;
  silu: boolean;
  /** [tokens, channels]; null where the columns alone are wanted. */
  out: Float32Array | null;
}

/**
 * A linear recurrence over one matrix S[keyDim, valueDim] for each head. For each token, with decay and weight of token
 * and head: d = weight * v, or where `delta` d = weight * (v - decay * S^T k) (arXiv 2412.06464); S becomes decay * S +
 * k d^T; out = S^T q.
 */
export interface RecurrenceCall {
  /** [heads, keyDim, valueDim] from `stateAt` on: S before the call, and after it. They may be one array. */
  from: Float32Array;
  to: Float32Array;
  stateAt: number;
  tokens: number;
  heads: number;
  /** Heads of q and k; they divide `heads`. */
  keyHeads: number;
  keyDim: number;
  valueDim: number;
  /** True where head h has key head h modulo keyHeads, false where neighbours share one. */
  tiled: boolean;
  delta: boolean;
  /** Rows of `stride` floats with q, k and v at these places; the first token is row `first`. */
  inputs: Float32Array;
  stride: number;
  first: number;
  queriesAt: number;
  keysAt: number;
  valuesAt: number;
  /** [tokens, heads] each. */
  decays: Float32Array;
  weights: Float32Array;
  /** [tokens, heads * valueDim]; null where the state alone is wanted. */
  out: Float32Array | null;
}
