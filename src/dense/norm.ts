import type { ModelSpec } from '../model/spec.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';

/**
 * out[tokens, width] = root-mean-square norm (arXiv 1910.07467) of x[tokens, width]; weight[width]. `out` may be x.
 * Sums are double.
 */
export function rmsNorm(
  x: Float32Array,
  tokens: number,
  weight: Float32Array,
  epsilon: number,
  out: Float32Array,
): void {
  const width = weight.length;
  for (let start = 0; start < tokens * width; start += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[start + i] * x[start + i];
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) out[start + i] = x[start + i] * scale * weight[i];
  }
}

/**
 * out[tokens, width] = layer norm (arXiv 1607.06450) of x[tokens, width]; weight and bias [width]. `out` may be x. Sums
 * are double.
 */
export function layerNorm(
  x: Float32Array,
  tokens: number,
  weight: Float32Array,
  bias: Float32Array,
  epsilon: number,
  out: Float32Array,
): void {
  const width = weight.length;
  for (let start = 0; start < tokens * width; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i];
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (x[start + i] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) out[start + i] = (x[start + i] - mean) * scale * weight[i] + bias[i];
  }
}

/** A norm's vectors, [hiddenSize] each; `bias` is null for RMS. */
export interface NormTensors {
  weight: TensorOnDisk;
  bias: TensorOnDisk | null;
}

/** Reads a norm's weights, and adds the constant that some checkpoints leave out of them (`normOffset`). */
export const readNormWeight = (tensor: TensorOnDisk, spec: Pick<ModelSpec, 'normOffset'>): Float32Array =>
  withNormOffset(readVector(tensor), spec);

/** A norm's weights, to which is added the constant that some checkpoints leave out of them. */
export function withNormOffset(weight: Float32Array, { normOffset }: Pick<ModelSpec, 'normOffset'>): Float32Array {
  if (normOffset !== 0) for (let i = 0; i < weight.length; i++) weight[i] += normOffset;
  return weight;
}

/** A norm, or nothing in its place. */
export type AppliedNorm = Pick<Norm, 'bytes' | 'apply'>;

/** What stands in place of a norm where residual streams are mixed instead: out = x[tokens, hiddenSize]. */
export const noNorm = ({ hiddenSize }: Pick<ModelSpec, 'hiddenSize'>): AppliedNorm => ({
  bytes: 0,
  apply: (x, tokens, out) => out.set(x.subarray(0, tokens * hiddenSize)),
});

/** A norm with its vectors in memory: a layer norm if it has a bias, else a root-mean-square norm. */
export class Norm {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly #epsilon: number;

  constructor(spec: Pick<ModelSpec, 'normEpsilon' | 'normOffset'>, { weight, bias }: NormTensors) {
    this.weight = readNormWeight(weight, spec);
    this.bias = bias && readVector(bias);
    this.#epsilon = spec.normEpsilon;
  }

  /** Bytes of the vectors held. */
  get bytes(): number {
    return this.weight.byteLength + (this.bias?.byteLength ?? 0);
  }

  /** out[tokens, hiddenSize] = norm(x[tokens, hiddenSize]). `out` may be x. */
  apply(x: Float32Array, tokens: number, out: Float32Array): void {
    if (this.bias) layerNorm(x, tokens, this.weight, this.bias, this.#epsilon, out);
    else rmsNorm(x, tokens, this.weight, this.#epsilon, out);
  }
}
