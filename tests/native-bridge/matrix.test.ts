import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BridgeError, type MatrixSource } from '../../dist/native-bridge/bridge.js';
import { type RowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  ALL_FORMATS,
  bits,
  firstBeyond,
  ISAS,
  naiveMatmul,
  naiveWeight,
  Random,
  randomRow,
  temporaryFolder,
  thrownBy,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();

/** Random rows in a file, `padding` bytes apart, and the weights as numbers. */
function build(random: Random, format: RowFormat, rows: number, columns: number, offset = 0, padding = 0) {
  const rowStride = rowBytes(format, columns) + padding;
  const file = new Uint8Array(offset + rows * rowStride - padding).fill(0xaa);
  const weights = Array.from({ length: rows }, (_, r) => {
    const row = randomRow(random, format, columns);
    file.set(row, offset + r * rowStride);
    return Float64Array.from({ length: columns }, (_, c) => naiveWeight(format, row, c));
  });
  const [path] = writeFiles(folder, [file]);
  const source: MatrixSource = { path, offset, rowStride, rows, columns, format };
  return { source, weights };
}

describe.each(ISAS)('a resident matrix on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  it.each(ALL_FORMATS)('multiplies in %s, any number of tokens', (format) => {
    const random = new Random(51);
    for (const [rows, columns] of [
      [1, 32],
      [7, 64],
      [130, 96],
      [300, 256],
    ]) {
      const { source, weights } = build(random, format, rows, columns);
      const matrix = bridge.loadMatrix(source);
      expect([matrix.rows, matrix.columns]).toEqual([rows, columns]);
      for (const tokens of [1, 2, 3, 4, 5, 17]) {
        const x = random.floats(tokens * columns);
        const y = new Float32Array(tokens * rows);
        matrix.matmul(x, tokens, y);
        const expected = naiveMatmul(weights, x, tokens, isa, format);
        expect(firstBeyond(y, expected.y, expected.bound), `${rows} x ${columns}, ${tokens} tokens`).toBeNull();
      }
      matrix.dispose();
    }
  });

  it.each(ALL_FORMATS)('multiplies by its first rows in %s as by all', (format) => {
    const random = new Random(52);
    const { source } = build(random, format, 300, 256);
    const matrix = bridge.loadMatrix(source);
    const x = random.floats(256);
    const whole = new Float32Array(300);
    // Inputs of one size make the largest sums.
    for (const inputs of [x.map((value) => Math.sign(value)), x]) {
      matrix.matmul(inputs, 1, whole);
      for (const rows of [0, 1, 3, 6, 129, 300]) {
        const first = new Float32Array(301).fill(7);
        matrix.multiplyFirst(inputs, rows, first);
        expect(bits(first.subarray(0, rows))).toEqual(bits(whole.subarray(0, rows)));
        expect(first.subarray(rows).every((value) => value === 7)).toBe(true);
      }
    }
    expect(thrownBy(() => matrix.multiplyFirst(x, 301, new Float32Array(400)))).toMatchObject({ code: 'USAGE' });
    expect(thrownBy(() => matrix.multiplyFirst(x, 20, new Float32Array(19)))).toMatchObject({ code: 'USAGE' });
    expect(thrownBy(() => matrix.multiplyFirst(x.subarray(1), 1, whole))).toMatchObject({ code: 'USAGE' });
    matrix.dispose();
  });

  it.each(['f32', 'f16'] as const)('multiplies odd widths in %s', (format) => {
    const random = new Random(52);
    for (const columns of [1, 3, 20, 33, 172]) {
      const { source, weights } = build(random, format, 19, columns);
      const matrix = bridge.loadMatrix(source);
      const [x, y] = [random.floats(5 * columns), new Float32Array(5 * 19)];
      matrix.matmul(x, 5, y);
      const expected = naiveMatmul(weights, x, 5, isa, format);
      expect(firstBeyond(y, expected.y, expected.bound), `${columns} columns`).toBeNull();
      matrix.dispose();
    }
  });

  it.each(ALL_FORMATS)('gives back rows of %s as they are, from any offset and stride', (format) => {
    const random = new Random(53);
    for (const [offset, padding] of [
      [0, 0],
      [1, 0],
      [4095, 3],
      [10_000, 4096],
    ]) {
      const { source, weights } = build(random, format, 40, 64, offset, padding);
      const matrix = bridge.loadMatrix(source);
      const row = new Float32Array(65).fill(5);
      for (const r of [0, 39, 17]) {
        matrix.row(r, row);
        expect([...row]).toEqual([...Float32Array.from(weights[r]), 5]);
      }
      expect(matrix.bytes).toBeGreaterThanOrEqual(40 * rowBytes(format, 64));
      matrix.dispose();
    }
  });

  it('gives the same bits for any number of threads and tokens at once', () => {
    const random = new Random(54);
    for (const format of ALL_FORMATS) {
      const { source } = build(random, format, 500, 320);
      const x = random.floats(21 * 320);
      const results = [1, 2, 3].flatMap((threads) => {
        const other = openBridge({ isa, threads });
        const matrix = other.loadMatrix(source);
        const together = new Float32Array(21 * 500);
        matrix.matmul(x, 21, together);
        const apart = new Float32Array(21 * 500);
        for (let t = 0; t < 21; t++) matrix.matmul(x.subarray(t * 320), 1, apart.subarray(t * 500));
        matrix.dispose();
        other.dispose();
        return [bits(together), bits(apart)];
      });
      expect(results.every((result) => result.equals(results[0]))).toBe(true);
    }
  });

  it('reports files that are absent or end too soon, and does not read past them', () => {
    const { source } = build(new Random(55), 'q8_0', 10, 32);
    const short = thrownBy(() => bridge.loadMatrix({ ...source, rows: 11 }));
    expect(short).toBeInstanceOf(BridgeError);
    expect(['IO', 'CORRUPT']).toContain(short.code);
    expect(short.details).toMatchObject({ path: source.path });
    const absent = thrownBy(() => bridge.loadMatrix({ ...source, path: join(folder, 'absent.bin') }));
    expect(absent).toBeInstanceOf(BridgeError);
    expect(absent.details).toMatchObject({ path: join(folder, 'absent.bin'), errno: 'ENOENT' });
  });

  it('refuses buffers, rows and shapes that do not fit', () => {
    const { source } = build(new Random(56), 'q4_0', 10, 64);
    const matrix = bridge.loadMatrix(source);
    const gone = bridge.loadMatrix(source);
    gone.dispose();
    gone.dispose();
    for (const call of [
      () => matrix.matmul(new Float32Array(127), 2, new Float32Array(20)),
      () => matrix.matmul(new Float32Array(128), 2, new Float32Array(19)),
      () => matrix.row(10, new Float32Array(64)),
      () => matrix.row(-1, new Float32Array(64)),
      () => matrix.row(0, new Float32Array(63)),
      () => gone.row(0, new Float32Array(64)),
      () => bridge.loadMatrix({ ...source, columns: 48 }),
      () => bridge.loadMatrix({ ...source, rowStride: 35 }),
      () => bridge.loadMatrix({ ...source, format: 'q9_9' as never }),
      () => bridge.loadMatrix({ ...source, offset: -1 }),
    ]) {
      const error = thrownBy(call);
      expect(error, String(call)).toBeInstanceOf(BridgeError);
      expect(error.code, String(call)).toBe('USAGE');
    }
    matrix.dispose();
  });
});
