import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dequantize, quantize } from '../../dist/native-bridge/blocks.js';
import { rowBytes, type WritableFormat } from '../../dist/native-bridge/formats.js';
import type { TensorOnDisk } from '../../dist/src/dense/tensor-on-disk.js';
import type { ModelSpec } from '../../dist/src/model/spec.js';
import { modelSpec } from '../support/spec.js';

export const temporaryFolder = () => fs.mkdtempSync(join(tmpdir(), 'flashrow-dense-'));

/** Small, deterministic pseudo-random numbers in [-1, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export const randomVector = (length: number, seed: number) => Float32Array.from({ length }, randomNumbers(seed));

/** Grouped-query attention, and heads that together are wider than the hidden state. */
export const smallSpec = (changes: Partial<ModelSpec> = {}): ModelSpec =>
  modelSpec({
    vocabSize: 96,
    intermediateSize: 128,
    numAttentionHeads: 6,
    contextLength: 128,
    rotary: { theta: 10000, dimension: 16, layout: 'interleaved', frequencyFactors: null, magnitude: 1 },
    tiedEmbeddings: false,
    ...changes,
  });

export interface WrittenModel {
  spec: ModelSpec;
  tensors: Map<string, TensorOnDisk>;
  /** What the file's bytes stand for. */
  weights: Map<string, Float32Array>;
}

export const shapesOf = (spec: ModelSpec): [string, number[]][] => {
  const heads = spec.numAttentionHeads * spec.headDim;
  const keyValues = spec.numKeyValueHeads * spec.headDim;
  const shapes: [string, number[]][] = [
    ['embedding', [spec.vocabSize, spec.hiddenSize]],
    ['finalNorm', [spec.hiddenSize]],
  ];
  if (!spec.tiedEmbeddings) shapes.push(['head', [spec.vocabSize, spec.hiddenSize]]);
  for (let layer = 0; layer < spec.numLayers; layer++) {
    shapes.push(
      [`layers.${layer}.attentionNorm`, [spec.hiddenSize]],
      [`layers.${layer}.q`, [heads, spec.hiddenSize]],
      [`layers.${layer}.k`, [keyValues, spec.hiddenSize]],
      [`layers.${layer}.v`, [keyValues, spec.hiddenSize]],
      [`layers.${layer}.o`, [spec.hiddenSize, heads]],
      [`layers.${layer}.ffnNorm`, [spec.hiddenSize]],
    );
  }
  return shapes;
};

/** Writes tensors one after another at multiples of 4096. */
export function writeTensors(
  path: string,
  tensors: { name: string; shape: number[]; format: WritableFormat; values: Float32Array }[],
): Omit<WrittenModel, 'spec'> {
  const onDisk = new Map<string, TensorOnDisk>();
  const weights = new Map<string, Float32Array>();
  const fd = fs.openSync(path, 'w');
  let offset = 4096;
  for (const { name, shape, format, values } of tensors) {
    const bytes = new Uint8Array(rowBytes(format, values.length));
    quantize(format, values, 0, values.length, bytes, 0);
    fs.writeSync(fd, bytes, 0, bytes.length, offset);
    const held = new Float32Array(values.length);
    dequantize(format, bytes, 0, values.length, held, 0);
    weights.set(name, held);
    onDisk.set(name, { path, shape, format, offset, bytes: bytes.length });
    offset = Math.ceil((offset + bytes.length) / 4096) * 4096;
  }
  fs.closeSync(fd);
  return { tensors: onDisk, weights };
}

/** A model of random weights in `folder`; matrices in `format`, norms in f32, unless `formatOf` says otherwise. */
export function writeRandomModel(
  folder: string,
  spec: ModelSpec,
  format: WritableFormat,
  formatOf: (name: string) => WritableFormat | undefined = () => undefined,
): WrittenModel {
  const random = randomNumbers(7);
  const tensors = shapesOf(spec).map(([name, shape]) => {
    const isNorm = shape.length === 1;
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () =>
      isNorm ? 1 + random() / 4 : random(),
    );
    return { name, shape, format: formatOf(name) ?? (isNorm ? 'f32' : format), values };
  });
  return { spec, ...writeTensors(join(folder, `${format}-${fs.readdirSync(folder).length}.bin`), tensors) };
}

/** y[tokens, rows] = x[tokens, columns] W^T in double. */
export function naiveMatmul(
  x: ArrayLike<number>,
  tokens: number,
  weights: Float32Array,
  columns: number,
): Float64Array {
  const rows = weights.length / columns;
  const y = new Float64Array(tokens * rows);
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) y[t * rows + r] += x[t * columns + c] * weights[r * columns + c];
    }
  }
  return y;
}

export function naiveNorm(x: ArrayLike<number>, tokens: number, weight: Float32Array, epsilon: number): Float64Array {
  const width = weight.length;
  const out = new Float64Array(tokens * width);
  for (let t = 0; t < tokens; t++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[t * width + i] ** 2;
    for (let i = 0; i < width; i++)
      out[t * width + i] = (x[t * width + i] / Math.sqrt(squares / width + epsilon)) * weight[i];
  }
  return out;
}

/** Each head's pairs as complex numbers, multiplied by e^(i angle). */
export function naiveRotary(
  vectors: Float64Array,
  tokens: number,
  heads: number,
  spec: ModelSpec,
  position: number,
): Float64Array {
  const { theta, dimension, layout, frequencyFactors, magnitude } = spec.rotary!;
  const out = Float64Array.from(vectors);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) {
      const start = (t * heads + h) * spec.headDim;
      for (let i = 0; i < dimension / 2; i++) {
        const angle = (position + t) / theta ** ((2 * i) / dimension) / (frequencyFactors ? frequencyFactors[i] : 1);
        const [re, im] =
          layout === 'interleaved' ? [start + 2 * i, start + 2 * i + 1] : [start + i, start + i + dimension / 2];
        out[re] = magnitude * (vectors[re] * Math.cos(angle) - vectors[im] * Math.sin(angle));
        out[im] = magnitude * (vectors[re] * Math.sin(angle) + vectors[im] * Math.cos(angle));
      }
    }
  }
  return out;
}

/** Largest difference, against the largest expected value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    // A NaN must not slip through Math.max unnoticed.
    if (!Number.isFinite(actual[i])) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}
