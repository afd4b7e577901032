import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckpointTensor } from '../../dist/src/import/checkpoint.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import type { TensorFormat } from '../../dist/src/import/tensor-format.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { expectFailure, failure, scratchFolder } from './support.js';

const folder = scratchFolder();

/** A matrix of `bytes`, some way into a file of its own. */
function matrix(format: TensorFormat, rows: number, columns: number, bytes: Uint8Array): CheckpointTensor {
  const path = join(folder, `${format}.bin`);
  writeFileSync(path, Buffer.concat([Buffer.from('before'), bytes]));
  return { name: 'x', sourceName: 'x', shape: [rows, columns], format, path, offset: 6, bytes: bytes.length };
}

/** Bit i of the bytes from `at` on. */
const bit = (bytes: Uint8Array, at: number, i: number) => Math.floor(bytes[at + Math.floor(i / 8)] / 2 ** (i % 8)) % 2;
/** Weight i of 32: low nibbles first. */
const nibble = (bytes: Uint8Array, at: number, i: number) =>
  i < 16 ? bytes[at + i] % 16 : Math.floor(bytes[at + i - 16] / 16);
/** Weight i of 256: of each half, four runs of 32 share bytes. */
const pair = (bytes: Uint8Array, at: number, i: number) =>
  Math.floor(bytes[at + 32 * Math.floor(i / 128) + (i % 32)] / 4 ** (Math.floor(i / 32) % 4)) % 4;
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

describe('TensorReader', () => {
  it('reads the rows asked for, as they lie in the file and as floats', () => {
    const values = Float32Array.from({ length: 12 }, (_, i) => i - 5.5);
    const tensor = matrix('f32', 4, 3, new Uint8Array(values.buffer));
    const reader = new TensorReader();
    expect(reader.readFloats(tensor, 1, 2)).toEqual(values.slice(3, 9));
    expect(reader.readRows(tensor, 3, 1)).toEqual(new Uint8Array(values.buffer.slice(36)));
    expect(reader.readRows(tensor, 4, 0)).toHaveLength(0);
    expect(reader.readBytes(tensor, 5, 2)).toEqual(new Uint8Array(values.buffer.slice(5, 7)));
    expect(() => reader.readRows(tensor, 3, 2)).toThrow(RangeError);
    expect(() => reader.readRows(tensor, -1, 1)).toThrow(RangeError);
    reader.close();
    expect(reader.readFloats(tensor, 0, 4)).toEqual(values);
    reader.close();
  });

  it('widens bf16, infinities and signed zero included', () => {
    const halves = [0x3f80, 0xc000, 0x7f80, 0xff80, 0x8000, 0x0001, 0x4049];
    const tensor = matrix('bf16', 1, 7, new Uint8Array(Uint16Array.from(halves).buffer));
    const reader = new TensorReader();
    expect([...reader.readFloats(tensor, 0, 1)]).toEqual([1, -2, Infinity, -Infinity, -0, 2 ** -133, 3.140625]);
    reader.close();
  });

  it.each<[TensorFormat, number, number, (block: Uint8Array, i: number) => number]>([
    // Scales are halves of 0.5, minimums of -2; layouts as ggml-common.h has them, weight i of a block at a time.
    ['q5_0', 32, 22, (b, i) => 0.5 * (nibble(b, 6, i) + 16 * bit(b, 2, i) - 16)],
    ['q5_1', 32, 24, (b, i) => 0.5 * (nibble(b, 8, i) + 16 * bit(b, 4, i)) - 2],
    ['q2_K', 256, 84, (b, i) => 0.5 * (b[i >> 4] % 16) * pair(b, 16, i) + 2 * Math.floor(b[i >> 4] / 16)],
    [
      'q3_K',
      256,
      110,
      (b, i) => {
        const run = i >> 4;
        const low = run < 8 ? b[96 + run] % 16 : Math.floor(b[88 + run] / 16);
        const scale = low + 16 * (Math.floor(b[104 + (run % 4)] / 4 ** Math.floor(run / 4)) % 4) - 32;
        return 0.5 * scale * (pair(b, 32, i) - (bit(b, 0, 8 * (i % 32) + (i >> 5)) ? 0 : 4));
      },
    ],
    ['iq4_nl', 32, 18, (b, i) => 0.5 * IQ4[nibble(b, 2, i)]],
    [
      'iq4_xs',
      256,
      136,
      (b, i) => {
        const run = i >> 5;
        const low = run % 2 ? Math.floor(b[4 + (run >> 1)] / 16) : b[4 + (run >> 1)] % 16;
        const scale = low + 16 * (Math.floor((b[2] + 256 * b[3]) / 4 ** run) % 4) - 32;
        return 0.5 * scale * IQ4[nibble(b, 8 + 16 * run, i % 32)];
      },
    ],
  ])('decodes %s weight by weight as its layout says', (format, blockSize, blockBytes, weight) => {
    const bytes = Uint8Array.from({ length: 2 * blockBytes }, (_, i) => (i * 89 + (i >> 3) * 31) & 255);
    const [half, other] = { q2_K: [80, 82], q3_K: [108, -1], q5_1: [0, 2] }[format as string] ?? [0, -1];
    for (const at of [half, half + blockBytes]) bytes.set([0x00, 0x38], at);
    if (other >= 0) for (const at of [other, other + blockBytes]) bytes.set([0x00, 0xc0], at);
    const expected = Float32Array.from({ length: 2 * blockSize }, (_, i) =>
      weight(bytes.subarray(i < blockSize ? 0 : blockBytes), i % blockSize),
    );
    const reader = new TensorReader();
    expect(reader.readFloats(matrix(format, 2, blockSize, bytes), 0, 2)).toEqual(expected);
    reader.close();
  });

  it('decodes a q6_K block weight by weight as ggml-quants.c describes it', () => {
    const bytes = Uint8Array.from({ length: 420 }, (_, i) => (i * 89 + (i >> 3) * 31) & 255);
    bytes.set([0x00, 0x38], 208); // a half of 0.5
    bytes.set([0x00, 0xc0], 418); // and of -2
    const expected = Float32Array.from({ length: 512 }, (_, index) => {
      const block = bytes.subarray(index < 256 ? 0 : 210);
      const i = index % 256;
      const inHalf = i % 128;
      // ql: 64 bytes a half, low nibbles first; qh: 32 bytes a half, two bits at a time; scales: one for 16 weights.
      const nibble = (block[64 * (i >> 7) + (inHalf % 64)] >> (inHalf < 64 ? 0 : 4)) & 15;
      const high = (block[128 + 32 * (i >> 7) + (i % 32)] >> (2 * (inHalf >> 5))) & 3;
      const scale = new Int8Array([block[192 + (i >> 4)]])[0];
      return (index < 256 ? 0.5 : -2) * scale * (nibble + 16 * high - 32);
    });
    const reader = new TensorReader();
    const tensor = matrix('q6_K', 2, 256, bytes);
    expect(reader.readFloats(tensor, 0, 2)).toEqual(expected);
    expect(reader.readFloats(tensor, 1, 1)).toEqual(expected.slice(256));
    reader.close();
  });

  it('notices a file that has become shorter, or is gone', () => {
    const tensor = matrix('f16', 4, 4, new Uint8Array(32));
    truncateSync(tensor.path, 20);
    const reader = new TensorReader();
    expectFailure('CORRUPT', /ends at byte 20/, () => reader.readRows(tensor, 0, 4));
    reader.close();
    expectFailure('NOT_FOUND', /does not exist/, () =>
      reader.readRows({ ...tensor, path: join(folder, 'gone') }, 0, 4),
    );
  });
});

it.skipIf(!existsSync('/proc/self/fd'))(
  'no file stays open behind a checkpoint, opened or refused (needs /proc)',
  () => {
    const path = join(folder, 'tiny.gguf');
    const open = () => readdirSync('/proc/self/fd').length;
    const { file } = writeGguf(tinyLlama());
    const before = open();
    for (let length = file.length; length > 0; length -= 200) {
      writeFileSync(path, file.subarray(0, length));
      if (length === file.length) openCheckpoint(path);
      else failure(() => openCheckpoint(path));
    }
    expect(open()).toBe(before);
  },
);
