import { describe, expect, it } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { firstBeyond, ISAS, naiveHalf, naiveMatmul, Random, temporaryFolder, writeFiles } from './support.js';

type Format = 'q4_K' | 'q5_K' | 'q6_K' | 'mxfp4';
const READ_ONLY: Format[] = ['q4_K', 'q5_K', 'q6_K', 'mxfp4'];

const folder = temporaryFolder();

/** The six-bit scale (and minimum, from the same twelve bytes) of a run, bit by bit as ggml-quants.c lays them out. */
function sixBits(packed: Uint8Array, run: number, minimum: boolean): number {
  const offset = minimum ? 4 : 0;
  if (run < 4) return packed[run + offset] % 64;
  const low = minimum ? Math.floor(packed[run + 4] / 16) : packed[run + 4] % 16;
  return low + 16 * Math.floor(packed[run - 4 + offset] / 64);
}

/** OCP Microscaling Formats 1.0, table 5: the values of E2M1 in order of their bits. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Weight `i` of a block, by the formats' descriptions, in doubles. */
function naiveWeight(format: Format, block: Uint8Array, i: number): number {
  if (format === 'mxfp4') {
    const byte = block[1 + (i % 16)];
    return 2 ** (block[0] - 127) * E2M1[i < 16 ? byte % 16 : Math.floor(byte / 16)];
  }
  if (format === 'q6_K') {
    const inHalf = i % 128;
    const nibble = (block[64 * (i >> 7) + (inHalf % 64)] >> (inHalf < 64 ? 0 : 4)) & 15;
    const high = (block[128 + 32 * (i >> 7) + (i % 32)] >> (2 * (inHalf >> 5))) & 3;
    return (
      naiveHalf(block[208] + 256 * block[209]) * new Int8Array([block[192 + (i >> 4)]])[0] * (nibble + 16 * high - 32)
    );
  }
  const run = i >> 5;
  const packed = block.subarray(4, 16);
  const quants = block.subarray(format === 'q4_K' ? 16 : 48);
  const byte = quants[32 * (run >> 1) + (i % 32)];
  let q = run % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
  if (format === 'q5_K') q += 16 * ((block[16 + (i % 32)] >> run) & 1);
  const scale = naiveHalf(block[0] + 256 * block[1]) * sixBits(packed, run, false);
  return scale * q - naiveHalf(block[2] + 256 * block[3]) * sixBits(packed, run, true);
}

/** Any bits, with scales of ordinary size. */
function randomRow(random: Random, format: Format, columns: number): Uint8Array {
  const bytes = new Uint8Array(rowBytes(format, columns)).map(() => random.below(256));
  const { blockBytes } = FORMATS[format];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (format === 'mxfp4') bytes[at] = 120 + random.below(8);
    // Halves between 2^-7 and 2^-3, of either sign.
    const halves = format === 'q6_K' ? [208] : format === 'mxfp4' ? [] : [0, 2];
    for (const place of halves) bytes[at + place + 1] = (random.below(2) << 7) | (0x20 + random.below(16));
  }
  return bytes;
}

function naiveRow(format: Format, row: Uint8Array, columns: number): number[] {
  const { blockSize, blockBytes } = FORMATS[format];
  return Array.from({ length: columns }, (_, i) => {
    const at = Math.floor(i / blockSize) * blockBytes;
    return naiveWeight(format, row.subarray(at, at + blockBytes), i % blockSize);
  });
}

describe.each(READ_ONLY)('%s', (format) => {
  it('is widened as its description says, from any offset', () => {
    const random = new Random(71);
    for (let offset = 0; offset < 4; offset++) {
      const row = randomRow(random, format, 512);
      const bytes = new Uint8Array(offset + row.length);
      bytes.set(row, offset);
      const into = new Float32Array(512);
      dequantize(format, bytes, offset, 512, into, 0);
      const expected = naiveRow(format, row, 512);
      const largest = Math.max(...expected.map(Math.abs));
      for (let i = 0; i < 512; i++) expect(Math.abs(into[i] - expected[i])).toBeLessThan(1e-6 * largest);
    }
  });

  it.each(ISAS)('multiplies on %s as floats of the same values do, any number of tokens', (isa) => {
    const random = new Random(72);
    const bridge = openBridge({ isa, threads: 2 });
    for (const [rows, columns] of [
      [1, 256],
      [7, 512],
      [130, 768],
    ]) {
      const bytes = Array.from({ length: rows }, () => randomRow(random, format, columns));
      const weights = bytes.map((row) => Float64Array.from(naiveRow(format, row, columns)));
      const rowStride = rowBytes(format, columns) + 5;
      const file = new Uint8Array(3 + rows * rowStride);
      for (const [i, row] of bytes.entries()) file.set(row, 3 + i * rowStride);
      const [path] = writeFiles(folder, [file]);
      const matrix = bridge.loadMatrix({ path, offset: 3, rowStride, rows, columns, format });
      const alone = new Float32Array(rows);
      for (const tokens of [1, 3, 17]) {
        const x = random.floats(tokens * columns);
        const y = new Float32Array(tokens * rows);
        matrix.matmul(x, tokens, y);
        const expected = naiveMatmul(weights, x, tokens, isa, 'f32');
        expect(firstBeyond(y, expected.y, expected.bound), `${rows} x ${columns}, ${tokens} tokens`).toBeNull();
        matrix.matmul(x, 1, alone);
        expect(alone).toEqual(y.slice(0, rows));
      }
      const into = new Float32Array(columns);
      matrix.row(rows - 1, into);
      const held = new Float32Array(columns);
      dequantize(format, bytes[rows - 1], 0, columns, held, 0);
      expect(into).toEqual(held);
      matrix.dispose();
    }
    bridge.dispose();
  });
});
