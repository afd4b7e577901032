import { expect, it } from 'vitest';
import { AnswerWriter } from '../../dist/src/engine/answer-writer.js';
import type { Piece } from '../../dist/src/index.js';

const NAMES = ['a', 'b', 'c', '</s>'];
const spelling = {
  eosIds: [3],
  suppressedIds: [],
  bytes: (id: number) => Buffer.from(id === 3 ? '' : NAMES[id]),
  token: (id: number) => NAMES[id],
};

/** The text of `ids` and then the end token. */
function written(ids: readonly number[], stop: string[]): { text: string; stopText: string | null } {
  const answer = new AnswerWriter([], { stop, spelling, channels: null, form: null }, () => {});
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

/** Tokens of an answer: the marks are special tokens, all else is a token for each character. */
function answerOf(answer: string, stop: string[] = []) {
  const names = ['<tool_call>', '</tool_call>', '<|other|>', '<|im_end|>'];
  const vocabulary = [...names, ...new Set(answer)];
  const ids = (answer.match(/<\/?tool_call>|<\|other\|>|[\s\S]/g) ?? []).map((token) => vocabulary.indexOf(token));
  const pieces: Piece[] = [];
  const writer = new AnswerWriter(
    [],
    {
      stop,
      spelling: {
        eosIds: [3],
        suppressedIds: [],
        bytes: (id: number) => Buffer.from(id < names.length ? '' : vocabulary[id]),
        token: (id: number) => vocabulary[id],
      },
      channels: null,
      form: { dialect: 'hermes', tools: [{ name: 'f', parameters: null }], begun: '', held: null },
    },
    (piece) => pieces.push(piece),
  );
  for (const id of ids) if (!writer.stopped) writer.push(id);
  if (!writer.stopped) writer.pushEnd(3, ids[ids.length - 1]);
  writer.end(ids[ids.length - 1]);
  return { writer, pieces, ids };
}

it('reasoning and calls come apart, though their marks are special tokens', () => {
  const answer = '<think>a, b</think>\n\nWait<|other|>.\n<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>';
  const { writer, pieces, ids } = answerOf(answer);
  expect(writer).toMatchObject({ text: 'Wait.', reasoning: 'a, b' });
  expect(writer.toolCalls).toEqual([{ id: expect.stringMatching(/^call_\w{24}$/), name: 'f', arguments: { x: 1 } }]);
  const joined = (type: string) =>
    pieces.map((piece) => (piece.type === type && 'text' in piece ? piece.text : '')).join('');
  expect([joined('text'), joined('reasoning')]).toEqual(['Wait.', 'a, b']);
  expect(pieces.filter(({ type }) => type === 'tool-call')).toMatchObject([{ call: writer.toolCalls[0] }]);
  // Every token has a piece, so that a reader can count them.
  expect(new Set(pieces.map(({ token }) => token))).toEqual(new Set(ids));
});

it('a stop text is not looked for in reasoning and calls', () => {
  const answer = '<think>stop</think>go on, stop here';
  const { writer } = answerOf(answer, ['stop']);
  expect(writer).toMatchObject({ text: 'go on, ', reasoning: 'stop', stopText: 'stop' });
  const { writer: called } = answerOf('<tool_call>{"name": "f", "arguments": {"x": "stop"}}</tool_call>', ['stop']);
  expect(called).toMatchObject({ text: '', stopText: null, toolCalls: [{ arguments: { x: 'stop' } }] });
});
