import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckpointTensor, TensorFormat } from '../../dist/src/import/checkpoint.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { TensorReader } from '../../dist/src/import/read.js';
import { expectFailure, failure, scratchFolder } from './support.js';
import { tinyLlama, writeGguf } from './tiny-gguf.js';

const folder = scratchFolder();

/** A matrix of `bytes`, some way into a file of its own. */
function matrix(format: TensorFormat, rows: number, columns: number, bytes: Uint8Array): CheckpointTensor {
  const path = join(folder, `${format}.bin`);
  writeFileSync(path, Buffer.concat([Buffer.from('before'), bytes]));
  return { name: 'x', sourceName: 'x', shape: [rows, columns], format, path, offset: 6, bytes: bytes.length };
}

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
