import type { FewIds } from '../draft/few-ids.js';
import type { ModelSpec } from '../model/spec.js';
import type { DenseMatrix } from './dense-matrix.js';
import { Norm, type NormTensors, noNorm } from './norm.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { addBias, scaleBy } from './vectors.js';

/*
 * The three segments of the resident half. The bridge multiplies by weights in the file's own format; norms and sums
 * are done here. `scratch` is [maxTokens, hiddenSize]; all segments share it, as only one runs at a time.
 */

/** The tensors of the segment before attention. */
export interface InputTensors {
  /** Null where residual streams are mixed instead. */
  norm: NormTensors | null;
  q: DenseMatrix;
  /** Null in a layer that uses the keys and values of another. */
  k: DenseMatrix | null;
  /** Null there, too, and where keys stand for values. */
  v: DenseMatrix | null;
}
/** The tensors of the segment after attention. */
export interface OutputTensors {
  /** Null in a layer that is a network alone. */
  o: DenseMatrix | null;
  oBias: TensorOnDisk | null;
  /** Norm of the projection's output, before the sum; null if the model has none. */
  postNorm: NormTensors | null;
  /** Norm before the feed-forward network; null where residual streams are mixed instead. */
  norm: NormTensors | null;
}
/** The tensors of the last segment. */
export interface LastTensors {
  /** Null where residual streams are mixed instead. */
  norm: NormTensors | null;
  head: DenseMatrix;
}

/**
 * A piece of the resident half that runs in one go. Buffers belong to the caller and hold at least `tokens` rows. a =
 * heads * headDim, kv = kvHeads * headDim.
 */
interface Segment {
  /** Bytes of weights held. */
  readonly residentBytes: number;
}

export interface AttentionInput extends Segment {
  /** q[tokens, a], k and v[tokens, kv] = the projections of norm(x[tokens, hiddenSize]), before biases and rotary. */
  run(x: Float32Array, tokens: number, q: Float32Array, k: Float32Array, v: Float32Array): void;
}

export interface AttentionOutput extends Segment {
  /**
   * x[tokens, hiddenSize] += o(attention[tokens, a]); ffnInput[tokens, hiddenSize] = norm(x). In a model whose
   * attention and feed-forward network run side by side, the norm is of x before the sum. With several residual streams
   * x becomes the network's mix of them. A layer that is a network alone leaves x as it is.
   */
  run(attention: Float32Array, x: Float32Array, tokens: number, ffnInput: Float32Array): void;
}

export interface Head extends Segment {
  /** logits[tokens, vocabSize] = head(norm(x[tokens, hiddenSize])). */
  run(x: Float32Array, tokens: number, logits: Float32Array): void;
  /**
   * Of a token, x[hiddenSize], the logits of the first ids, first[ids.below], and about those of others[ids.others].
   * Null where the head is streamed.
   */
  runFew: ((x: Float32Array, ids: FewIds, first: Float32Array, others: Float32Array) => void) | null;
}

/** Norm, then the projections to queries, keys and values. */
export function attentionInput(spec: ModelSpec, tensors: InputTensors, scratch: Float32Array): AttentionInput {
  const norm = tensors.norm ? new Norm(spec, tensors.norm) : noNorm(spec);
  const { q, k, v } = tensors;
  return {
    residentBytes: norm.bytes + q.bytes + (k?.bytes ?? 0) + (v?.bytes ?? 0),
    run(x, tokens, qOut, kOut, vOut) {
      norm.apply(x, tokens, scratch);
      q.matmul(scratch, tokens, qOut);
      k?.matmul(scratch, tokens, kOut);
      if (v) v.matmul(scratch, tokens, vOut);
      else if (k) vOut.set(kOut.subarray(0, tokens * k.rows));
    },
  };
}

/** Whose mix of several residual streams it is: of a layer's mixer, of its network, or of the head. */
export type Reader = 'mix' | 'ffn' | 'head';

/** Several residual streams, which a mix is read of. */
export interface Streams {
  /** Bytes of the weights held. */
  readonly residentBytes: number;
  /** Begins a pass: all streams are x[ids.length, hiddenSize], its embeddings. */
  begin(ids: ArrayLike<number>, x: Float32Array): void;
  /** x[tokens, hiddenSize] = a mix of the streams. */
  read(layer: number, reader: Reader, x: Float32Array, tokens: number): void;
  /** Adds added[tokens, hiddenSize] to the streams, by the shares of the mix that was read last. */
  write(added: Float32Array, tokens: number): void;
}

/** The output projection, the residual sum, and the norm before the feed-forward network. */
export function attentionOutput(
  spec: ModelSpec,
  tensors: OutputTensors,
  scratch: Float32Array,
  ofLayer: { streams: Streams; layer: number } | null,
): AttentionOutput {
  const norm = tensors.norm ? new Norm(spec, tensors.norm) : noNorm(spec);
  const bias = tensors.oBias && readVector(tensors.oBias);
  const postNorm = tensors.postNorm && new Norm(spec, tensors.postNorm);
  const { o } = tensors;
  return {
    residentBytes: norm.bytes + (postNorm?.bytes ?? 0) + (bias?.byteLength ?? 0) + (o?.bytes ?? 0),
    run(attention, x, tokens, ffnInput) {
      if (!o) {
        norm.apply(x, tokens, ffnInput);
        return;
      }
      o.matmul(attention, tokens, scratch);
      if (bias) addBias(scratch, tokens, bias);
      postNorm?.apply(scratch, tokens, scratch);
      if (spec.residualScale !== 1) scaleBy(scratch, tokens * spec.hiddenSize, spec.residualScale);
      if (ofLayer) {
        ofLayer.streams.write(scratch, tokens);
        ofLayer.streams.read(ofLayer.layer, 'ffn', x, tokens);
        norm.apply(x, tokens, ffnInput);
        return;
      }
      if (spec.parallelNorm) norm.apply(x, tokens, ffnInput);
      for (let i = 0; i < tokens * spec.hiddenSize; i++) x[i] += scratch[i];
      if (!spec.parallelNorm) norm.apply(x, tokens, ffnInput);
    },
  };
}

/** The last norm and the head. */
export function lastSegment(spec: ModelSpec, { norm: tensors, head }: LastTensors, scratch: Float32Array): Head {
  const norm = tensors ? new Norm(spec, tensors) : noNorm(spec);
  return {
    residentBytes: norm.bytes + head.bytes,
    run(x, tokens, logits) {
      norm.apply(x, tokens, scratch);
      head.matmul(scratch, tokens, logits);
    },
    runFew: runFew(head, (x) => norm.apply(x, 1, scratch), scratch),
  };
}

function runFew(head: DenseMatrix, toScratch: (x: Float32Array) => void, scratch: Float32Array): Head['runFew'] {
  if (!head.multiplyFirst) return null;
  const weights = new Float32Array(head.columns);
  return (x, { below, others }, first, otherLogits) => {
    toScratch(x);
    head.multiplyFirst!(scratch, below, first);
    for (let i = 0; i < others.length; i++) {
      head.row!(others[i], weights);
      let sum = 0;
      for (let c = 0; c < weights.length; c++) sum += weights[c] * scratch[c];
      otherLogits[i] = sum;
    }
  };
}
