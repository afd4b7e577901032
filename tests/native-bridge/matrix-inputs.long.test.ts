import { afterAll, describe, expect, it } from 'vitest';
import { FORMATS, type RowFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { naiveBlocks, READ_ONLY, type ReadOnlyFormat, randomBlocks } from './read-only-formats.js';
import {
  bits,
  firstBeyond,
  ISAS,
  naiveMatmul,
  naiveWeight,
  Random,
  randomRow,
  temporaryFolder,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();
const INTEGER_FORMATS: RowFormat[] = ['q4_0', 'q4_1', 'q8_0', ...READ_ONLY];
const isReadOnly = (format: RowFormat): format is ReadOnlyFormat => READ_ONLY.some((name) => name === format);

function build(random: Random, format: RowFormat, rows: number, columns: number) {
  const packed = Array.from({ length: rows }, () =>
    isReadOnly(format) ? randomBlocks(random, format, columns) : randomRow(random, format, columns),
  );
  const [path] = writeFiles(folder, [Buffer.concat(packed)]);
  const weights = packed.map((row) =>
    isReadOnly(format)
      ? Float64Array.from(naiveBlocks(format, row, columns))
      : Float64Array.from({ length: columns }, (_, c) => naiveWeight(format, row, c)),
  );
  return { source: { path, offset: 0, rowStride: rowBytes(format, columns), rows, columns, format }, weights };
}

describe.each(ISAS)('products with blocks of weights on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  describe.each(INTEGER_FORMATS)('in %s', (format) => {
    const { blockSize } = FORMATS[format];
    /** The least columns from `columns` on that are whole blocks. */
    const whole = (columns: number) => Math.ceil(columns / blockSize) * blockSize;

    /** Multiplies [tokens, columns] with 37 random rows, and compares with the definition. */
    const check = (columns: number, tokens: number, change: (value: number, i: number, random: Random) => number) => {
      const random = new Random(columns + tokens);
      const { source, weights } = build(random, format, 37, columns);
      const matrix = bridge.loadMatrix(source);
      const x = random.floats(tokens * columns).map((value, i) => change(value, i, random));
      const y = new Float32Array(tokens * 37);
      matrix.matmul(x, tokens, y);
      matrix.dispose();
      const expected = naiveMatmul(weights, x, tokens, isa, format);
      expect(firstBeyond(y, expected.y, expected.bound), `${columns} columns, ${tokens} tokens`).toBeNull();
      return y;
    };

    it('are right for rows of any number of blocks and any number of tokens', () => {
      for (const columns of blockSize === 32 ? [32, 64, 96, 128, 160, 1056] : [256, 512, 768, 1280])
        for (const tokens of [1, 2, 3, 4, 5, 6, 7, 8, 9]) check(columns, tokens, (value) => value);
      check(whole(1184), 129, (value) => value);
    });

    it('are right where some inputs dwarf others, and where they nearly vanish', () => {
      for (const tokens of [1, 7]) {
        check(whole(288), tokens, (value, i) => (i % 96 === 5 ? -3e4 : value));
        check(whole(288), tokens, (value, _, random) => value * 10 ** (random.below(12) - 6));
        check(whole(288), tokens, (value, i) => (i >= 64 ? value * 2 ** -120 : value));
        check(whole(288), tokens, (value) => value * 2 ** -140);
        check(whole(288), tokens, (value) => value * 1e30);
        check(whole(288), tokens, (value) => 100 + value);
      }
    });

    it('are zero for zeros, beside blocks that are not', () => {
      for (const tokens of [1, 5]) {
        expect(check(whole(160), tokens, () => 0).every((value) => value === 0)).toBe(true);
        check(whole(160), tokens, (value, i) => (i % whole(160) >= 32 && i % whole(160) < 96 ? 0 : value));
      }
    });

    it('are no numbers where an input is none, for that token alone', () => {
      const random = new Random(61);
      const columns = whole(160);
      const { source } = build(random, format, 21, columns);
      const matrix = bridge.loadMatrix(source);
      for (const bad of [NaN, Infinity, -Infinity])
        for (const at of [0, 17, 97, columns - 1])
          for (const tokens of [1, 2, 8]) {
            const x = random.floats(tokens * columns);
            const clean = new Float32Array(tokens * 21);
            matrix.matmul(x, tokens, clean);
            x[(tokens - 1) * columns + at] = bad;
            const y = new Float32Array(tokens * 21);
            matrix.matmul(x, tokens, y);
            const last = (tokens - 1) * 21;
            expect(y.subarray(last).some(Number.isFinite), `${bad} in column ${at}`).toBe(false);
            expect(bits(y.subarray(0, last)).equals(bits(clean.subarray(0, last)))).toBe(true);
          }
      matrix.dispose();
    });

    it('are as near to exact as is promised: 2e-5 of their root mean square', () => {
      const random = new Random(62);
      const { source, weights } = build(random, format, 200, 1024);
      const matrix = bridge.loadMatrix(source);
      // Several tokens, as one token's error is as much a matter of luck as its inputs are; about normal: activations
      // are no flatter.
      const tokens = 24;
      const x = new Float32Array(tokens * 1024).map(() => random.floats(6).reduce((sum, value) => sum + value));
      const exact = naiveMatmul(weights, x, tokens, isa, format).y;
      const rms = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      for (const step of [1, tokens]) {
        const y = new Float32Array(tokens * 200);
        for (let t = 0; t < tokens; t += step) matrix.matmul(x.subarray(t * 1024), step, y.subarray(t * 200));
        expect(rms(exact.map((value, i) => value - y[i])) / rms(exact)).toBeLessThan(2.2e-5);
      }
      matrix.dispose();
    });

    it('have the same bits however tokens and rows are split', () => {
      const random = new Random(63);
      const columns = whole(1248);
      const { source } = build(random, format, 203, columns);
      const x = random.floats(129 * columns);
      const results = [1, 2, 5].flatMap((threads) => {
        const other = openBridge({ isa, threads });
        const matrix = other.loadMatrix(source);
        const split = [1, 2, 7, 64, 129].map((step) => {
          const y = new Float32Array(129 * 203);
          for (let t = 0; t < 129; t += step)
            matrix.matmul(x.subarray(t * columns), Math.min(step, 129 - t), y.subarray(t * 203));
          return bits(y);
        });
        matrix.dispose();
        other.dispose();
        return split;
      });
      expect(results.every((result) => result.equals(results[0]))).toBe(true);
    });
  });
});
