import { expect, it } from 'vitest';
import { AnswerWriter } from '../../dist/src/engine/answer-writer.js';

const NAMES = ['a', 'b', 'c', '</s>'];
const spelling = {
  eosIds: [3],
  suppressedIds: [],
  bytes: (id: number) => Buffer.from(id === 3 ? '' : NAMES[id]),
  token: (id: number) => NAMES[id],
};

/** The text of `ids` and then the end token. */
function written(ids: readonly number[], stop: string[]): { text: string; stopText: string | null } {
  const answer = new AnswerWriter([], { stop, spelling, channels: null }, () => {});
  for (const id of ids) answer.push(id);
  answer.pushEnd(3, ids[ids.length - 1]);
  answer.end(ids[ids.length - 1]);
  return { text: answer.text, stopText: answer.stopText };
}

// What comes out is what a search for the stop text in 'cab</s>' finds.
it('the beginning of a stop text that the end of the turn cuts short is text', () => {
  expect(written([2, 0, 1], ['abc'])).toEqual({ text: 'cab', stopText: null });
  expect(written([2, 0, 1], ['b</s>'])).toEqual({ text: 'ca', stopText: 'b</s>' });
  expect(written([2, 0, 1], [])).toEqual({ text: 'cab', stopText: null });
});
