import { describe, expect, it } from 'vitest';
import { NgramHash } from '../../dist/src/mixers/ngram-hash.js';
import type { NgramsSpec } from '../../dist/src/model/spec.js';
import { random } from '../import/support.js';

const SPEC: NgramsSpec = {
  ...{ layer: 1, size: 3, headsPerNgram: 2, rowSize: 4, kernel: 4, endId: 2 },
  // Qwen3.8-Flash-Next's factors have 45 bits; a file may have 64.
  multipliers: ['20919573186043', '18446744073709551557', '24101339562337'],
  firstRows: [0, 61, 128, 199],
  numRows: [61, 67, 71, 2 ** 31 - 500],
  tableRows: 2 ** 31 - 1,
};

/** The rows of a token, by exact arithmetic. */
function exactRows(context: readonly number[]): number[] {
  const { size, headsPerNgram, multipliers, firstRows, numRows } = SPEC;
  return firstRows.map((first, head) => {
    const tokens = 2 + Math.floor(head / headsPerNgram);
    let hash = 0n;
    for (let i = 0; i < Math.min(tokens, size); i++)
      hash ^= BigInt.asUintN(64, BigInt(context[i]) * BigInt(multipliers[i]));
    return first + Number(hash % BigInt(numRows[head]));
  });
}

describe('the hash of n-grams', () => {
  it('is that of exact arithmetic of 64 bits', () => {
    const hash = new NgramHash(SPEC);
    const next = random(7);
    const rows = new Int32Array(6);
    for (let i = 0; i < 2000; i++) {
      const context = Array.from({ length: 3 }, () => Math.floor(next() * 248320));
      hash.rows(context, rows, 1);
      expect([...rows.subarray(1, 5)]).toEqual(exactRows(context));
    }
    expect([rows[0], rows[5]]).toEqual([0, 0]);
  });
});
