import { expect, it } from 'vitest';
import { findLikeliest, type Likeliest } from '../../../dist/src/engine/drafts/likeliest.js';
import { random } from '../../support/random.js';

const empty = (): Likeliest => ({ id: -1, certainty: -1, others: { ids: [], certainties: [] } });

it('finds the likeliest tokens in their order, those that are near enough', () => {
  const next = random(5);
  for (let round = 0; round < 100; round++) {
    const logits = Float32Array.from({ length: 50 }, () => 12 * next());
    const found = empty();
    expect(findLikeliest(logits, 40, found)).toBe(true);
    const order = [...logits.subarray(0, 40).keys()].sort((one, other) => logits[other] - logits[one]);
    const near = order.slice(1, 4).filter((id) => logits[order[0]] - logits[id] < 3.5);
    expect([found.id, found.others.ids]).toEqual([order[0], near]);
    expect(found.others.certainties).toHaveLength(near.length);
    // The nearer, the more certain.
    const { certainties } = found.others;
    expect(certainties).toEqual([...certainties].sort((one, other) => other - one));
  }
});

it.each([
  [[9, 1, 2], 5, [], []],
  [[9, 8.8, 1], 0, [1], [3]],
  [[7.5, 9, 6], 2, [0, 2], [1, 0]],
])('says of %j how certain it is: %i, and of the others', (logits, certainty, ids, certainties) => {
  const found = empty();
  findLikeliest(Float32Array.from(logits), logits.length, found);
  expect([found.certainty, found.others.ids, found.others.certainties]).toEqual([certainty, ids, certainties]);
});

it('finds none where there are no numbers', () => {
  expect(findLikeliest(new Float32Array(3).fill(Number.NaN), 3, empty())).toBe(false);
  expect(findLikeliest(new Float32Array(3).fill(Number.NEGATIVE_INFINITY), 3, empty())).toBe(false);
  const found = empty();
  expect(findLikeliest(Float32Array.of(4), 1, found)).toBe(true);
  expect([found.id, found.certainty, found.others.ids]).toEqual([0, 5, []]);
});
