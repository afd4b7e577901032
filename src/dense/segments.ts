import type { NormTensors } from './norm.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** The tensors of the segment before attention. */
export type InputTensors = Record<'q' | 'k' | 'v', TensorOnDisk> & { norm: NormTensors };
/** The tensors of the segment after attention. */
export interface OutputTensors {
  o: TensorOnDisk;
  oBias: TensorOnDisk | null;
  /** Norm of the projection's output, before the sum; null if the model has none. */
  postNorm: NormTensors | null;
  /** Norm before the feed-forward network. */
  norm: NormTensors;
}
/** The tensors of the last segment. */
export interface LastTensors {
  norm: NormTensors;
  head: TensorOnDisk;
}

/**
 * A piece of the resident half that runs in one go, on one library. Buffers belong to the caller and hold at least
 * `tokens` rows. a = heads * headDim, kv = kvHeads * headDim.
 */
interface Segment {
  /** Bytes of weights held. */
  readonly residentBytes: number;
  dispose(): Promise<void> | void;
}

export interface AttentionInput extends Segment {
  /** q[tokens, a], k and v[tokens, kv] = the projections of norm(x[tokens, hiddenSize]), before biases and rotary. */
  run(x: Float32Array, tokens: number, q: Float32Array, k: Float32Array, v: Float32Array): Promise<void> | void;
}

export interface AttentionOutput extends Segment {
  /**
   * x[tokens, hiddenSize] += o(attention[tokens, a]); ffnInput[tokens, hiddenSize] = norm(x). In a model whose
   * attention and feed-forward network run side by side, the norm is of x before the sum.
   */
  run(attention: Float32Array, x: Float32Array, tokens: number, ffnInput: Float32Array): Promise<void> | void;
}

export interface Head extends Segment {
  /** logits[tokens, vocabSize] = head(norm(x[tokens, hiddenSize])). */
  run(x: Float32Array, tokens: number, logits: Float32Array): Promise<void> | void;
}
