import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import { LITERAL, PARSED } from './data.js';

/** What golden/word_tokenizers.py had the Rust library encode and decode. */
const golden = JSON.parse(readFileSync(new URL('../golden/word-tokenizers.json', import.meta.url), 'utf8')) as {
  texts: string[];
  cases: { name: string; tokenizer: Record<string, unknown>; ids: number[][]; decoded: string[] }[];
};

const text = { bosId: null, eosIds: [], addBos: false, addEos: false };

describe.each(golden.cases)('$name', ({ tokenizer, ids, decoded }) => {
  const loaded = loadTokenizer(tokenizer, text);

  it('gives the ids of the Rust library', () => {
    golden.texts.forEach((each, at) => {
      expect(loaded.encode(each, PARSED), JSON.stringify(each)).toEqual(ids[at]);
    });
  });

  it('decodes as the Rust library does', () => {
    golden.texts.forEach((each, at) => {
      expect(loaded.decode(ids[at]), JSON.stringify(each)).toBe(decoded[at]);
    });
  });

  it('never makes a special token of a plain text', () => {
    const special = (tokenizer.added_tokens as { id: number; content: string }[]).map(({ id, content }) => {
      expect(loaded.encode(content, PARSED)).toContain(id);
      return [id, content] as const;
    });
    for (const [id, content] of special)
      if (!/unk/i.test(content)) expect(loaded.encode(content, LITERAL), content).not.toContain(id);
  });
});

it('a word that has no token, in a vocabulary without an unknown one, is UNSUPPORTED by name', () => {
  const loaded = loadTokenizer({ model: { type: 'WordLevel', vocab: { a: 0 } }, pre_tokenizer: null }, text);
  expect(loaded.encode('a', LITERAL)).toEqual([0]);
  expect(() => loaded.encode('b', LITERAL)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
});
