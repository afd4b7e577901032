import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ModelSpec } from '../model/spec.js';
import { loadMatrix } from './load-tensor.js';
import { Norm, type NormTensors } from './norm.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { addBias } from './vectors.js';

/*
 * The three segments of the resident half. The bridge multiplies by weights in the file's own format; norms and sums
 * are done here. `scratch` is [maxTokens, hiddenSize]; all segments share it, as only one runs at a time.
 */

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
 * A piece of the resident half that runs in one go. Buffers belong to the caller and hold at least
 * `tokens` rows. a = heads * headDim, kv = kvHeads * headDim.
 */
interface Segment {
  /** Bytes of weights held. */
  readonly residentBytes: number;
  dispose(): void;
}

export interface AttentionInput extends Segment {
  /** q[tokens, a], k and v[tokens, kv] = the projections of norm(x[tokens, hiddenSize]), before biases and rotary. */
  run(x: Float32Array, tokens: number, q: Float32Array, k: Float32Array, v: Float32Array): void;
}

export interface AttentionOutput extends Segment {
  /**
   * x[tokens, hiddenSize] += o(attention[tokens, a]); ffnInput[tokens, hiddenSize] = norm(x). In a model whose
   * attention and feed-forward network run side by side, the norm is of x before the sum.
   */
  run(attention: Float32Array, x: Float32Array, tokens: number, ffnInput: Float32Array): void;
}

export interface Head extends Segment {
  /** logits[tokens, vocabSize] = head(norm(x[tokens, hiddenSize])). */
  run(x: Float32Array, tokens: number, logits: Float32Array): void;
}

/** Norm, then the projections to queries, keys and values. */
export function attentionInput(
  spec: ModelSpec,
  tensors: InputTensors,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionInput {
  const norm = new Norm(spec, tensors.norm);
  const [q, k, v] = loadMatrices(bridge, [tensors.q, tensors.k, tensors.v]);
  return {
    residentBytes: norm.bytes + q.bytes + k.bytes + v.bytes,
    run(x, tokens, qOut, kOut, vOut) {
      norm.apply(x, tokens, scratch);
      q.matmul(scratch, tokens, qOut);
      k.matmul(scratch, tokens, kOut);
      v.matmul(scratch, tokens, vOut);
    },
    dispose() {
      for (const matrix of [q, k, v]) matrix.dispose();
    },
  };
}

/** The output projection, the residual sum, and the norm before the feed-forward network. */
export function attentionOutput(
  spec: ModelSpec,
  tensors: OutputTensors,
  bridge: Bridge,
  scratch: Float32Array,
): AttentionOutput {
  const norm = new Norm(spec, tensors.norm);
  const bias = tensors.oBias && readVector(tensors.oBias);
  const postNorm = tensors.postNorm && new Norm(spec, tensors.postNorm);
  const [o] = loadMatrices(bridge, [tensors.o]);
  return {
    residentBytes: norm.bytes + (postNorm?.bytes ?? 0) + (bias?.byteLength ?? 0) + o.bytes,
    run(attention, x, tokens, ffnInput) {
      o.matmul(attention, tokens, scratch);
      if (bias) addBias(scratch, tokens, bias);
      postNorm?.apply(scratch, tokens, scratch);
      if (spec.parallelNorm) norm.apply(x, tokens, ffnInput);
      for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += scratch[i];
      if (!spec.parallelNorm) norm.apply(x, tokens, ffnInput);
    },
    dispose: () => o.dispose(),
  };
}

/** The head. It shows its matrix [vocabSize, hiddenSize], because a tied one serves the embedding too. */
export function lastSegment(
  spec: ModelSpec,
  tensors: LastTensors,
  bridge: Bridge,
  scratch: Float32Array,
): Head & { matrix: ResidentMatrix } {
  const norm = new Norm(spec, tensors.norm);
  const [matrix] = loadMatrices(bridge, [tensors.head]);
  return {
    matrix,
    residentBytes: norm.bytes + matrix.bytes,
    run(x, tokens, logits) {
      norm.apply(x, tokens, scratch);
      matrix.matmul(scratch, tokens, logits);
    },
    dispose: () => matrix.dispose(),
  };
}

/** Loads all matrices, or none: if one fails, those before it are let go. */
function loadMatrices(bridge: Bridge, tensors: TensorOnDisk[]): ResidentMatrix[] {
  const matrices: ResidentMatrix[] = [];
  try {
    for (const tensor of tensors) matrices.push(loadMatrix(bridge, tensor));
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
  return matrices;
}
