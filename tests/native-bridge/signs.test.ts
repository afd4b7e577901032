import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, Random } from './support.js';

const bridges = ISAS.flatMap((isa) => [1, 2].map((threads) => openBridge({ isa, threads })));
afterAll(() => {
  for (const bridge of bridges) bridge.dispose();
});

const random = new Random(4);
/** Bits that are not columns are 0. */
function randomSigns(rows: number, columns: number): Uint32Array {
  const words = Math.ceil(columns / 32);
  return Uint32Array.from({ length: rows * words }, (_, i) => {
    const left = columns - 32 * (i % words);
    const word = Math.floor(random.next() * 2 ** 32);
    return left >= 32 ? word : word & (2 ** left - 1);
  });
}

describe('agreeing signs', () => {
  it.each([
    [1, 1, 1],
    [5, 31, 3],
    [16, 32, 1],
    [33, 100, 7],
    [700, 4096, 2],
    [1031, 96, 5],
  ])(
    'of %i rows of %i columns and %i tokens are counted bit by bit on every instruction set',
    (rows, columns, tokens) => {
      const words = Math.ceil(columns / 32);
      const signs = randomSigns(rows, columns);
      const inputs = randomSigns(tokens, columns);
      const bit = (of: Uint32Array, row: number, c: number) => (of[row * words + (c >> 5)] >>> (c & 31)) & 1;
      const expected = Float32Array.from({ length: tokens * rows }, (_, i) => {
        const [token, row] = [Math.floor(i / rows), i % rows];
        let same = 0;
        for (let c = 0; c < columns; c++) if (bit(signs, row, c) === bit(inputs, token, c)) same += 1;
        return same;
      });
      for (const bridge of bridges) {
        const agreement = new Float32Array(tokens * rows).fill(-1);
        bridge.countAgreements(signs, rows, columns, inputs, tokens, agreement);
        expect(agreement, `${bridge.isa}, ${bridge.threads} threads`).toEqual(expected);
      }
    },
  );

  it('refuses arrays that are too short', () => {
    for (const bridge of bridges) {
      const [signs, inputs] = [new Uint32Array(4), new Uint32Array(2)];
      const usage = expect.objectContaining({ code: 'USAGE' });
      expect(() => bridge.countAgreements(signs, 2, 64, inputs, 1, new Float32Array(1))).toThrow(usage);
      expect(() => bridge.countAgreements(signs, 3, 64, inputs, 1, new Float32Array(3))).toThrow(usage);
      expect(() => bridge.countAgreements(signs, 2, 64, inputs, 2, new Float32Array(4))).toThrow(usage);
      expect(() => bridge.countAgreements(signs, 2, 0, inputs, 1, new Float32Array(4))).toThrow(usage);
    }
  });
});
