import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, openVocabulary } from '../../dist/src/import/open.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { type Gguf, TYPES, tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { expectFailure, expectSound, scratchFolder } from './support.js';

const folder = scratchFolder();
const partPath = (part: number, of = 3) => join(folder, `tiny-0000${part}-of-0000${of}.gguf`);

const u16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};

/** The tiny model over three files as gguf-split writes them: all metadata in the first, tensors in order. */
function splitModel(change: (parts: Gguf[]) => void = () => {}): void {
  const whole = tinyLlama();
  const cuts = [0, 2, 8, whole.tensors.length];
  const parts = [0, 1, 2].map(
    (number): Gguf => ({
      ...whole,
      entries: [
        ...(number === 0 ? whole.entries : []),
        ['split.no', TYPES.u16, u16(number)],
        ['split.count', TYPES.u16, u16(3)],
        ['split.tensors.count', TYPES.i32, whole.tensors.length],
      ],
      tensors: whole.tensors.slice(cuts[number], cuts[number + 1]),
    }),
  );
  change(parts);
  for (const [index, part] of parts.entries()) writeFileSync(partPath(index + 1), writeGguf(part).file);
}
const setEntry = (gguf: Gguf, key: string, type: number, value: unknown) => {
  gguf.entries = gguf.entries.map((entry) => (entry[0] === key ? [key, type, value] : entry));
};

beforeEach(() => splitModel());

describe('a GGUF model in three files', () => {
  it('opens from any of them, each tensor in its own file', () => {
    const checkpoints = [1, 2, 3].map((part) => openCheckpoint(partPath(part)));
    for (const checkpoint of checkpoints) {
      expectSound(checkpoint);
      expect(checkpoint).toEqual(checkpoints[0]);
    }
    const [{ path, files, tensors, spec }] = checkpoints;
    expect(path).toBe(partPath(1));
    expect(spec.name).toBe('tiny');
    expect(files.map((file) => file.path)).toEqual([1, 2, 3].map((part) => partPath(part)));
    for (const { path, bytes, headerBytes } of files) {
      const file = readFileSync(path);
      expect(bytes).toBe(file.length);
      expect(headerBytes).toBeLessThan(bytes);
    }
    expect(tensors.get('embedding')!.path).toBe(partPath(1));
    expect(tensors.get('layers.0.q')!.path).toBe(partPath(2));
    expect(tensors.get('finalNorm')!.path).toBe(partPath(3));
    // The data of each file is sin(4 i), from its own start on.
    const reader = new TensorReader();
    const [first] = reader.readFloats(tensors.get('layers.0.q')!, 0, 1).subarray(1, 2);
    reader.close();
    expect(first).toBeCloseTo(Math.sin(4), 6);
  });

  it('opens where the first part holds metadata alone', () => {
    splitModel((parts) => {
      parts[1].tensors.unshift(...parts[0].tensors);
      parts[0].tensors = [];
    });
    expectSound(openCheckpoint(partPath(2)));
  });

  it('gives its vocabulary from any of them', () => {
    expect(openVocabulary(partPath(3))).toEqual(openVocabulary(partPath(1)));
  });

  it('has another digest where any part is another', () => {
    const { digest } = openCheckpoint(partPath(1));
    const bytes = readFileSync(partPath(3));
    bytes.writeFloatLE(7, bytes.length - 32);
    writeFileSync(partPath(3), bytes);
    expect(openCheckpoint(partPath(1)).digest).not.toBe(digest);
  });

  it.each([1, 2, 3])('is NOT_FOUND without part %i, which it names', (part) => {
    rmSync(partPath(part));
    const other = partPath(part === 1 ? 2 : 1);
    expectFailure('NOT_FOUND', new RegExp(`0000${part}-of-00003.gguf.*is missing`), () => openCheckpoint(other));
  });

  it.each<[string, RegExp, (parts: Gguf[]) => void]>([
    [
      'a part of another count',
      /00002-of.*split.count" is 4/,
      ([, part]) => setEntry(part, 'split.count', TYPES.u16, u16(4)),
    ],
    [
      'a part of another number',
      /00003-of.*split.no" is 1/,
      ([, , part]) => setEntry(part, 'split.no', TYPES.u16, u16(1)),
    ],
    ['no word on its parts', /split.count" is 0/, ([part]) => (part.entries = tinyLlama().entries)],
    ['a tensor too few', /split.tensors.count" is 11.*hold 10/, ([, , part]) => part.tensors.pop()],
    [
      'a tensor twice',
      /tensor "output_norm.weight" is in .*00002-of/,
      ([, part, last]) => part.tensors.push(last.tensors.at(-1)!),
    ],
    [
      'a part that lies outside its file',
      /00002-of.*attn_q.*the file ends/,
      ([, part]) => (part.tensors[0].offset = 1 << 20),
    ],
  ])('is CORRUPT with %s', (_, message, change) => {
    splitModel(change);
    expectFailure('CORRUPT', message, () => openCheckpoint(partPath(1)));
  });

  it('is CORRUPT with a part in the place of another', () => {
    copyFileSync(partPath(2), partPath(3));
    expectFailure('CORRUPT', /00003-of/, () => openCheckpoint(partPath(1)));
  });

  it('is told what a part should be called where one was renamed', () => {
    const renamed = join(folder, 'renamed.gguf');
    renameSync(partPath(1), renamed);
    expectFailure('UNSUPPORTED', /split.count" is 3.*name-00001-of/, () => openCheckpoint(renamed));
  });
});
