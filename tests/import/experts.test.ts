import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SourceDigest } from '../../dist/src/import/digest.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { resolveTensors } from '../../dist/src/import/resolve-tensors.js';
import type { SourceTensor } from '../../dist/src/import/source-tensor.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import type { ExpectedTensor, ModelDescription } from '../../dist/src/model/architecture.js';
import { expertMatrix } from '../../dist/src/store/write/expert-matrix.js';
import { sharedPath, withoutSharedData } from '../support/shared-data.js';
import { expectFailure, scratchFolder } from './support.js';

const folder = scratchFolder();
const path = join(folder, 'weights');
const EXPERTS = 3;
const [ROWS, COLUMNS] = [4, 8];
const MATRIX_BYTES = 4 * ROWS * COLUMNS;

/** f32 numbers 0, 1, 2, ... */
const values = Float32Array.from({ length: 2 * EXPERTS * ROWS * COLUMNS }, (_, index) => index);
writeFileSync(path, Buffer.from(values.buffer));

const source = (sourceName: string, shape: number[], offset: number, changes: Partial<SourceTensor> = {}) => {
  const bytes = 4 * shape.reduce((a, b) => a * b);
  return { sourceName, shape, type: 'F32', format: 'f32' as const, path, offset, bytes, ...changes };
};
const stack = (changes: Partial<SourceTensor> = {}) => [source('ups', [EXPERTS, ROWS, COLUMNS], 32, changes)];
/** Experts in the order 2, 0, 1, with a hole before each. */
const apart = () =>
  [2, 0, 1].map((expert, place) => source(`up.${expert}`, [ROWS, COLUMNS], place * (MATRIX_BYTES + 32) + 32));

const STACKED = { name: 'layers.0.up', sourceName: 'ups', shape: [EXPERTS, ROWS, COLUMNS] };
const APART = { ...STACKED, sourceName: 'up', parts: ['up.0', 'up.1', 'up.2'] };

function resolve(expected: ExpectedTensor, tensors: SourceTensor[]) {
  const description = { tensors: [expected], ignores: () => false } as unknown as ModelDescription;
  return resolveTensors(path, description, new Map(tensors.map((tensor) => [tensor.sourceName, tensor])));
}

/** An expert's values, read by themselves. */
function expertValues(tensors: ReturnType<typeof resolve>, expert: number): number[] {
  const reader = new TensorReader();
  try {
    return [...reader.readFloats(expertMatrix(tensors.get('layers.0.up')!, expert), 0, ROWS)];
  } finally {
    reader.close();
  }
}
const numbersFrom = (first: number) => Array.from({ length: ROWS * COLUMNS }, (_, index) => first + index);

describe('experts of a layer', () => {
  it('are found one after another in a stack', () => {
    const tensors = resolve(STACKED, stack());
    const bytes = EXPERTS * MATRIX_BYTES;
    expect(tensors.get('layers.0.up')).toMatchObject({ shape: [EXPERTS, ROWS, COLUMNS], path, offset: 32, bytes });
    expect(tensors.get('layers.0.up')).not.toHaveProperty('parts');
    for (let expert = 0; expert < EXPERTS; expert++)
      expect(expertValues(tensors, expert)).toEqual(numbersFrom(8 + expert * ROWS * COLUMNS));
  });

  it('are found wherever each one is, when apart', () => {
    const tensors = resolve(APART, apart());
    expect(tensors.get('layers.0.up')).toMatchObject({
      shape: [EXPERTS, ROWS, COLUMNS],
      bytes: EXPERTS * MATRIX_BYTES,
    });
    for (const [place, expert] of [2, 0, 1].entries())
      expect(expertValues(tensors, expert)).toEqual(numbersFrom(8 + place * (ROWS * COLUMNS + 8)));
  });

  it('are part of what identifies a checkpoint', () => {
    const digest = (tensors: SourceTensor[]) => {
      const hash = new SourceDigest();
      hash.addSamples(resolve(APART, tensors).values());
      return hash.hex();
    };
    const other = apart().map((tensor) => ({ ...tensor, offset: tensor.offset + 4 }));
    expect(digest(apart())).toBe(digest(apart()));
    expect(digest(other)).not.toBe(digest(apart()));
  });

  it.each<[string, RegExp, ExpectedTensor, SourceTensor[]]>([
    ['a stack missing', /"ups" is missing.*3,4,8|"ups" is missing.*\[3, ?4, ?8\]/, STACKED, []],
    ['a stack of fewer', /"ups" is of shape.*was expected/, STACKED, [source('ups', [2, ROWS, COLUMNS], 0)]],
    ['a stack of more', /"ups" is of shape.*was expected/, STACKED, [source('ups', [4, ROWS, COLUMNS], 0)]],
    ['a matrix in place of a stack', /"ups" is of shape/, STACKED, [source('ups', [EXPERTS * ROWS, COLUMNS], 0)]],
    ['experts turned', /"ups" is of shape/, STACKED, [source('ups', [EXPERTS, COLUMNS, ROWS], 0)]],
    ['one of them missing', /"up.1" is missing/, APART, apart().filter(({ sourceName }) => sourceName !== 'up.1')],
    ['one of another shape', /"up.1" is of shape/, APART, [...apart().slice(0, 2), source('up.1', [ROWS, 4], 900)]],
    [
      'one of another type',
      /"up.1" is of type F16.*up.0.*F32/,
      APART,
      [...apart().slice(0, 2), source('up.1', [ROWS, COLUMNS], 900, { type: 'F16', format: 'f16' })],
    ],
    ['fewer names than experts', /"up" has 2 experts; 3/, { ...APART, parts: ['up.0', 'up.1'] }, apart()],
    [
      'a router of another number of experts',
      /"router" is of shape/,
      { name: 'layers.0.router', sourceName: 'router', shape: [EXPERTS, COLUMNS] },
      [source('router', [4, COLUMNS], 0)],
    ],
  ])('are CORRUPT with %s', (_, message, expected, tensors) => {
    expectFailure('CORRUPT', message, () => resolve(expected, tensors));
  });

  it.each([
    ['a stack', STACKED, stack({ format: null, type: 'IQ2_S' })],
    [
      'one of them',
      APART,
      [...apart().slice(0, 2), source('up.1', [ROWS, COLUMNS], 900, { format: null, type: 'I8' })],
    ],
    ['one more', APART, [...apart(), source('up.3', [ROWS, COLUMNS], 900)]],
  ] as const)('are UNSUPPORTED with %s that cannot be read or has no place', (_, expected, tensors) => {
    expectFailure('UNSUPPORTED', /IQ2_S|I8|"up.3" has no place/, () => resolve(expected, [...tensors]));
  });

  it('may have the gate of a shared expert as a vector, which is a matrix of one row', () => {
    const expected = { name: 'layers.0.sharedRouter', sourceName: 'gate', shape: [1, COLUMNS] };
    const tensors = resolve(expected, [source('gate', [COLUMNS], 0)]);
    expect(tensors.get('layers.0.sharedRouter')).toMatchObject({ shape: [1, COLUMNS], bytes: 4 * COLUMNS });
  });
});

/* The two files hold the same weights, as llama.cpp wrote them until April 2024 and since. */
describe('a GGUF file with a matrix for each expert', () => {
  const FOLDER = 'cases/08-experts-apart';
  it.skipIf(!existsSync(sharedPath(FOLDER)))(`is read as the stacks are${withoutSharedData}`, () => {
    const [apart, stacked] = ['apart', 'stacked'].map((name) => openCheckpoint(sharedPath(`${FOLDER}/${name}.gguf`)));
    const reader = new TensorReader();
    expect([...apart.tensors.keys()]).toEqual([...stacked.tensors.keys()]);
    for (const [name, tensor] of apart.tensors) {
      const same = stacked.tensors.get(name)!;
      expect(tensor.shape, name).toEqual(same.shape);
      expect(reader.readBytes(tensor, 0, tensor.bytes), name).toEqual(reader.readBytes(same, 0, same.bytes));
    }
    reader.close();
    expect(apart.spec.experts).toEqual(stacked.spec.experts);
  });
});
