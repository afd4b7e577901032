import type { NormTensors } from './norm.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** What the three segments are made of. */
export type InputTensors = Record<'q' | 'k' | 'v', TensorOnDisk> & { norm: NormTensors };
export interface OutputTensors {
  o: TensorOnDisk;
  oBias: TensorOnDisk | null;
  /** That of the output itself, before it is added; null without one. */
  postNorm: NormTensors | null;
  /** That before the feed-forward network. */
  norm: NormTensors;
}
export interface LastTensors {
  norm: NormTensors;
  head: TensorOnDisk;
}

/** A piece of the resident half between two streamed or cached steps. Whichever library runs it, buffers are the caller's and hold at least `tokens` rows. */
interface Segment {
  /** Bytes of weights held. */
  readonly residentBytes: number;
  dispose(): Promise<void> | void;
}

export interface AttentionInput extends Segment {
  /** q, k and v of norm(x), before rotary. */
  run(x: Float32Array, tokens: number, q: Float32Array, k: Float32Array, v: Float32Array): Promise<void> | void;
}

export interface AttentionOutput extends Segment {
  /** x += o(attention); ffnInput = norm(x), of x as it was before where attention and the feed-forward network run side by side. */
  run(attention: Float32Array, x: Float32Array, tokens: number, ffnInput: Float32Array): Promise<void> | void;
}

export interface Head extends Segment {
  /** logits = head(norm(x)). */
  run(x: Float32Array, tokens: number, logits: Float32Array): Promise<void> | void;
}
