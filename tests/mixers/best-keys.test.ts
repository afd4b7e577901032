import { describe, expect, it } from 'vitest';
import { BestKeys } from '../../dist/src/mixers/best-keys.js';

const chosen = (scores: number[], most: number) =>
  [...new BestKeys(most).of(Float32Array.from(scores), scores.length)].sort((a, b) => a - b);

describe('the best of some scores', () => {
  it('are those that sorting finds', () => {
    let seed = 5;
    for (let round = 0; round < 200; round++) {
      const count = 1 + (round % 40);
      const most = 1 + ((round * 7) % 12);
      const scores = Array.from({ length: count }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed / 2 ** 32 - 0.5;
      });
      const sorted = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
      expect(chosen(scores, most)).toEqual(sorted.slice(0, most).sort((a, b) => a - b));
    }
  });

  // What std::partial_sort of GCC 12's library leaves in front, with `a > b` for an order.
  it.each([
    [[0, 0, 0, 0, 0, 0], 4, [0, 1, 2, 3]],
    [[0, 0, 0, 0, 1, 0], 4, [0, 1, 3, 4]],
    [[0, 0, 0, 0, 1, 2, 0], 4, [1, 3, 4, 5]],
    [[3, 0, 1, 0, 0, 2], 3, [0, 2, 5]],
    [[0, 0, 0, 1, 0, 1, 0], 4, [0, 1, 3, 5]],
    [[0, 0, 0, 0, 1, 2, 3, 0], 4, [1, 4, 5, 6]],
    [[0, 0, 5, 0, 0, 1, 0, 2, 0, 0, 3], 5, [2, 3, 5, 7, 10]],
  ])('of %j the %i that the C++ library keeps are %j', (scores, most, expected) => {
    expect(chosen(scores, most)).toEqual(expected);
  });
});
