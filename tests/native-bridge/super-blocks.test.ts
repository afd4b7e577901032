import { describe, expect, it } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { naiveBlocks, READ_ONLY, randomBlocks, spoil } from './read-only-formats.js';
import { firstBeyond, ISAS, naiveMatmul, Random, temporaryFolder, writeFiles } from './support.js';

const folder = temporaryFolder();

describe.each(READ_ONLY)('%s', (format) => {
  it('is widened as its description says, from any offset', () => {
    const random = new Random(71);
    for (let offset = 0; offset < 4; offset++) {
      const row = randomBlocks(random, format, 512);
      const bytes = new Uint8Array(offset + row.length);
      bytes.set(row, offset);
      const into = new Float32Array(512);
      dequantize(format, bytes, offset, 512, into, 0);
      const expected = naiveBlocks(format, row, 512);
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
      // Rows that end inside a step of 128 or 256.
      ...(FORMATS[format].blockSize <= 32
        ? [
            [5, 160],
            [9, 416],
          ]
        : []),
    ]) {
      const bytes = Array.from({ length: rows }, () => randomBlocks(random, format, columns));
      const weights = bytes.map((row) => Float64Array.from(naiveBlocks(format, row, columns)));
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
        const expected = naiveMatmul(weights, x, tokens, isa, format);
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

// To GGML the largest exponent of MXFP4 is a number.
describe.each(READ_ONLY.filter((format) => format !== 'mxfp4'))('a scale of %s that is not finite', (format) => {
  it.each(ISAS)('on %s leaves the products of other rows alone', (isa) => {
    const random = new Random(73);
    const bridge = openBridge({ isa, threads: 1 });
    const [rows, columns] = [6, 512];
    const good = Array.from({ length: rows }, () => randomBlocks(random, format, columns));
    const bad = good.map((row) => row.slice());
    spoil(bad[2], format, 0x7e);
    spoil(bad[3], format, 0x7c);
    const x = random.floats(3 * columns);
    const products = [good, bad].map((bytes) => {
      const [path] = writeFiles(folder, [Buffer.concat(bytes)]);
      const matrix = bridge.loadMatrix({ path, offset: 0, rowStride: bytes[0].length, rows, columns, format });
      const [one, many] = [new Float32Array(rows), new Float32Array(3 * rows)];
      matrix.matmul(x, 1, one);
      matrix.matmul(x, 3, many);
      matrix.dispose();
      expect(many.slice(0, rows)).toEqual(one);
      return many;
    });
    for (let i = 0; i < 3 * rows; i++) {
      if (i % rows === 2 || i % rows === 3) expect(Number.isFinite(products[1][i]), `product ${i}`).toBe(false);
      else expect(products[1][i]).toBe(products[0][i]);
    }
    bridge.dispose();
  });
});
