import { expect, it } from 'vitest';
import { PassTokens } from '../../../dist/src/engine/drafts/pass-tokens.js';

it('finds which token goes on, in the row or beside it', () => {
  const tokens = new PassTokens();
  tokens.begin(1);
  for (const id of [10, 11, 12]) tokens.push(id);
  tokens.beside(0, 20);
  tokens.beside(1, 21);
  tokens.beside(1, 22);
  expect([tokens.ids, tokens.inRow]).toEqual([[1, 10, 11, 12, 20, 21, 22], 4]);
  expect([tokens.find(0, 10), tokens.find(1, 11), tokens.find(2, 12)]).toEqual([1, 2, 3]);
  expect([tokens.find(0, 20), tokens.find(1, 22)]).toEqual([4, 6]);
  // Not beside another token than its own, not after the last one, and nothing goes on beside the row.
  expect([tokens.find(0, 21), tokens.find(2, 22), tokens.find(3, 12), tokens.find(4, 11), tokens.find(6, 12)]).toEqual([
    -1, -1, -1, -1, -1,
  ]);
  const textTo = (row: number) => Array.from({ length: tokens.lengthAt(row) }, (_, i) => tokens.at(i, row));
  expect([0, 2, 3].map(textTo)).toEqual([[1], [1, 10, 11], [1, 10, 11, 12]]);
  expect([4, 5, 6].map(textTo)).toEqual([
    [1, 20],
    [1, 10, 21],
    [1, 10, 22],
  ]);
  tokens.begin(2);
  expect([tokens.ids, tokens.after, tokens.find(0, 20)]).toEqual([[2], [], -1]);
});
