import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { type ErrorCode, FlashrowError } from '../../dist/src/errors.js';
import type { Checkpoint } from '../../dist/src/import/checkpoint.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';

/** A folder that is gone when the test file is done. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-import-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The FlashrowError that `act` must end in. */
export function failure(act: () => unknown): FlashrowError {
  try {
    act();
  } catch (error) {
    if (error instanceof FlashrowError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

export function expectFailure(code: ErrorCode, message: RegExp, act: () => unknown): void {
  const error = failure(act);
  expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringMatching(message) });
}

/** Whatever a checkpoint promises must hold: every tensor can be read in whole, and has the shape its place needs. */
export function expectSound(checkpoint: Checkpoint): void {
  const { spec, tensors } = checkpoint;
  const queries = spec.numAttentionHeads * spec.headDim;
  const keys = spec.numKeyValueHeads * spec.headDim;
  const reader = new TensorReader();
  for (const { name, shape } of tensors.values()) {
    const expected: Record<string, number[]> = {
      embedding: [spec.vocabSize, spec.hiddenSize],
      head: [spec.vocabSize, spec.hiddenSize],
      q: [queries, spec.hiddenSize],
      k: [keys, spec.hiddenSize],
      v: [keys, spec.hiddenSize],
      o: [spec.hiddenSize, queries],
      gate: [spec.intermediateSize, spec.hiddenSize],
      up: [spec.intermediateSize, spec.hiddenSize],
      down: [spec.hiddenSize, spec.intermediateSize],
    };
    expect(shape).toEqual(expected[name.split('.').at(-1) ?? ''] ?? [spec.hiddenSize]);
  }
  for (const tensor of tensors.values()) {
    const rows = tensor.shape.length === 2 ? tensor.shape[0] : 1;
    expect(reader.readFloats(tensor, 0, rows)).toHaveLength(tensor.shape.reduce((a, b) => a * b));
  }
  reader.close();
  expect(tensors.size).toBe(spec.numLayers * 9 + (spec.tiedEmbeddings ? 2 : 3));
  expect(spec.rotary!.frequencyFactors?.length ?? spec.rotary!.dimension / 2).toBe(spec.rotary!.dimension / 2);
}

/** Repeatable random numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
