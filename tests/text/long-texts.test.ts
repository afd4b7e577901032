import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import { ChatTemplate } from '../../dist/src/text/chat-template.js';
import { finished, type Steps } from '../../dist/src/text/steps.js';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { LITERAL } from './data.js';

const text = { bosId: null, eosIds: [], addBos: false, addEos: false };
const vocab = Object.fromEntries(
  [...'abcdefgh ', 'ab', 'cd', 'abcd', ' a', '\u2581', '<unk>'].map((each, id) => [each, id]),
);
const merges = ['a b', 'c d', 'ab cd', '  a'];
const pre_tokenizer = { type: 'Split', pattern: { Regex: ' ?[^ ]+| +' }, behavior: 'Isolated' };
const TOKENIZERS: [name: string, tokenizer: Tokenizer][] = [
  ['words', loadTokenizer({ model: { vocab, merges }, pre_tokenizer }, text)],
  ['whole texts', loadTokenizer({ model: { vocab, merges } }, text)],
  [
    'Unigram',
    loadTokenizer(
      { model: { type: 'Unigram', vocab: Object.keys(vocab).map((each) => [each, -1]), unk_id: 14 } },
      text,
    ),
  ],
];

/** The result, the number of steps, and the longest text that was gone through in one, by the ids that came of it. */
function stepsOf<Result>(work: Steps<Result>): { result: Result; steps: number } {
  for (let steps = 1; ; steps++) {
    const step = work.next();
    if (step.done) return { result: step.value, steps };
  }
}

const WORDS = 'abcd ab cdef gh abcdefgh '.repeat(8_000);

describe.each(TOKENIZERS)('%s in steps', (_, tokenizer) => {
  it.each([
    ['words', WORDS],
    ['one word', 'abcdefgh'.repeat(25_000)],
  ])('of %s give the ids of short texts, with one for each 20,000 characters at least', (_name, long) => {
    const { result, steps } = stepsOf(tokenizer.encoding(long, LITERAL));
    expect(steps).toBeGreaterThan(long.length / 20_000);
    const unit = long.startsWith('abcd ') ? 'abcd ab cdef gh abcdefgh ' : 'abcdefgh';
    const times = long.length / unit.length;
    // No token crosses the border of two units but " a", which begins each but the first.
    const two = tokenizer.encode(unit + unit, LITERAL);
    const one = tokenizer.encode(unit, LITERAL);
    const next = two.slice(two.length - (two.length - one.length));
    expect(result.length).toBe(one.length + (times - 1) * next.length);
    expect(result.slice(0, two.length - 1)).toEqual(two.slice(0, -1));
    expect(tokenizer.decode(result)).toBe(long);
  });

  it('of a conversation are those of its text', () => {
    const chat = new ChatTemplate('{% for m in messages %}{{ m.content | trim }}{% endfor %}', tokenizer);
    const { marked } = chat.render([{ role: 'user', content: `  ${WORDS}` }]);
    const { result, steps } = stepsOf(chat.encoding(marked));
    expect(steps).toBeGreaterThan(WORDS.length / 20_000);
    expect(result).toEqual(tokenizer.encode(WORDS.trim(), LITERAL));
  });
});

it('a run of millions of characters that no pattern gets through is UNSUPPORTED, not a crash', () => {
  const letters = { type: 'Split', pattern: { Regex: '\\p{L}+' }, behavior: 'Isolated' };
  const tokenizer = loadTokenizer({ model: { vocab, merges }, pre_tokenizer: letters }, text);
  expect(() => finished(tokenizer.encoding('\u4e00'.repeat(20_000_000), LITERAL))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('millions') }),
  );
});
