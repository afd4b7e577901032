import { describe, expect, it } from 'vitest';
import { GridPlaces } from '../../../dist/src/engine/pictures/grid-places.js';

const FIRST = 2 ** 31 + 2 ** 30;
const picture = (number: number, tokens: number) =>
  Array.from({ length: tokens }, (_, i) => (i === 0 ? FIRST + number : 2 ** 31 + i));
const grids = new Map([
  [FIRST, { rows: 2, columns: 3 }],
  [FIRST + 1, { rows: 4, columns: 1 }],
]);
const ids = [7, ...picture(0, 6), 8, 9, ...picture(1, 4), 10];
/** By hand, after `get_rope_index` of transformers' modeling_qwen3_vl.py. */
const expected = [
  [0, 1, 1, 1, 1, 1, 1, 4, 5, 6, 6, 6, 6, 10],
  [0, 1, 1, 1, 2, 2, 2, 4, 5, 6, 7, 8, 9, 10],
  [0, 1, 2, 3, 1, 2, 3, 4, 5, 6, 6, 6, 6, 10],
];

describe('positions of a prompt with pictures', () => {
  it.each([1, 2, 3, 5, 14])('are the same in passes of %i tokens', (size) => {
    const places = new GridPlaces();
    const found: number[][] = [[], [], []];
    const held: number[] = [];
    while (held.length < ids.length) {
      const tokens = Math.min(size, ids.length - held.length);
      // Rows 2 and after of a pass of 20, as the third of a prompt whose beginning was done before.
      const into = new Int32Array(3 * 20);
      places.write({ ids, done: held.length, tokens, position: held.length, row: 2 }, held, grids, into);
      for (const [part, list] of found.entries()) list.push(...into.subarray(20 * part + 2, 20 * part + 2 + tokens));
      held.push(...ids.slice(held.length, held.length + tokens));
    }
    expect(found).toEqual(expected);
  });

  it('are the same after the sequence went back', () => {
    const places = new GridPlaces();
    const write = (position: number, more: number[]) => {
      const into = new Int32Array(3 * more.length);
      const held = ids.slice(0, position);
      places.write({ ids: more, done: 0, tokens: more.length, position, row: 0 }, held, grids, into);
      return [0, 1, 2].map((part) => into[part * more.length]);
    };
    expect(write(14, [11])).toEqual([11, 11, 11]);
    expect(write(8, [9])).toEqual([5, 5, 5]);
    expect(write(3, ids.slice(3))).toEqual([1, 1, 3]);
    expect(write(14, [12, 13])).toEqual([11, 11, 11]);
  });
});
