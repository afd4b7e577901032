import { describe, expect, it } from 'vitest';
import { FORMATS, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { FEW_BITS, fewBitRow, fewBitWeights, withBadScale } from './few-bit-formats.js';
import { bits, firstBeyond, ISAS, naiveMatmul, Random, temporaryFolder, writeFiles } from './support.js';

const folder = temporaryFolder();

describe.each(FEW_BITS)('%s', (format) => {
  const { blockSize } = FORMATS[format];

  it.each(ISAS)('multiplies on %s as floats of the same values do, a token alone as in a batch', (isa) => {
    const random = new Random(73);
    const bridge = openBridge({ isa, threads: 2 });
    for (const [rows, columns] of [
      [1, blockSize],
      [7, 3 * blockSize],
      [70, 5 * blockSize],
      [18, 17 * blockSize],
    ]) {
      const bytes = Array.from({ length: rows }, () => fewBitRow(random, format, columns));
      const weights = bytes.map((row) => Float64Array.from(fewBitWeights(format, row, columns)));
      const rowStride = rowBytes(format, columns) + 5;
      const file = new Uint8Array(3 + rows * rowStride);
      for (const [i, row] of bytes.entries()) file.set(row, 3 + i * rowStride);
      const [path] = writeFiles(folder, [file]);
      const matrix = bridge.loadMatrix({ path, offset: 3, rowStride, rows, columns, format });
      for (const tokens of [1, 2, 5, 17]) {
        const x = random.floats(tokens * columns);
        const y = new Float32Array(tokens * rows);
        matrix.matmul(x, tokens, y);
        const expected = naiveMatmul(weights, x, tokens, isa, format);
        expect(firstBeyond(y, expected.y, expected.bound), `${rows} x ${columns}, ${tokens} tokens`).toBeNull();
        const alone = new Float32Array(rows);
        for (let t = 0; t < tokens; t++) {
          matrix.matmul(x.subarray(t * columns, (t + 1) * columns), 1, alone);
          expect(bits(alone).equals(bits(y.slice(t * rows, (t + 1) * rows))), `token ${t} of ${tokens}`).toBe(true);
        }
      }
      const into = new Float32Array(columns);
      for (let r = 0; r < rows; r++) {
        matrix.row(r, into);
        expect(bits(into).equals(bits(fewBitWeights(format, bytes[r], columns)))).toBe(true);
      }
      matrix.dispose();
    }
    bridge.dispose();
  });

  it.skipIf(format === 'nvfp4').each(ISAS)('keeps a scale that is no number to its own row on %s', (isa) => {
    const random = new Random(74);
    const columns = 6 * blockSize;
    const rows = Array.from({ length: 9 }, () => fewBitRow(random, format, columns));
    rows[4] = withBadScale(rows[4], format, 3);
    const [path] = writeFiles(folder, [Buffer.concat(rows)]);
    const bridge = openBridge({ isa, threads: 1 });
    const source = { path, offset: 0, rowStride: rowBytes(format, columns), rows: 9, columns, format };
    const matrix = bridge.loadMatrix(source);
    for (const tokens of [1, 6]) {
      const y = new Float32Array(9 * tokens);
      matrix.matmul(random.floats(tokens * columns), tokens, y);
      for (const [i, product] of y.entries()) expect(Number.isFinite(product)).toBe(i % 9 !== 4);
    }
    bridge.dispose();
  });

  it('refuses rows that are not whole blocks', () => {
    for (const isa of ISAS) {
      const bridge = openBridge({ isa, threads: 1 });
      const [path] = writeFiles(folder, [new Uint8Array(1000)]);
      const source = { path, offset: 0, rowStride: 500, rows: 1, columns: blockSize + 32, format };
      expect(() => bridge.loadMatrix(source)).toThrow(/whole blocks|holds blocks of/);
      bridge.dispose();
    }
  });
});
