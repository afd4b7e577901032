import { describe, expect, it } from 'vitest';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { huggingFace, LITERAL, load, openTokenizer, openTokenizerJson, PARSED } from './data.js';

describe.runIf(haveSharedData)(`special tokens in a text${withoutSharedData}`, () => {
  it.each([
    ['tokenizers/ggml-vocab-llama-spm.gguf', '</s>', 2],
    ['tokenizers/ggml-vocab-gpt-2.gguf', '<|endoftext|>', 50256],
    ['tokenizers/ggml-vocab-falcon.gguf', '>>TITLE<<', 0],
  ])('in %s %s is one token where parsed and plain text where not', (file, token, id) => {
    const tokenizer = openTokenizer(file);
    const text = `one ${token}two`;
    expect(tokenizer.encode(text, PARSED)).toContain(id);
    expect(tokenizer.encode(text, LITERAL)).not.toContain(id);
    expect(tokenizer.decode(tokenizer.encode(text, LITERAL))).toBe(text);
    expect(tokenizer.bytes(id)).toHaveLength(0);
  });

  it('are the same text on both sides as without them', () => {
    const tokenizer = openTokenizer('tokenizers/ggml-vocab-gpt-2.gguf');
    expect(tokenizer.encode('one<|endoftext|> two', PARSED)).toEqual([
      ...tokenizer.encode('one', LITERAL),
      50256,
      ...tokenizer.encode(' two', LITERAL),
    ]);
  });

  it('take white space along where the token says so', () => {
    const tokenizer = openTokenizerJson('tokenizers/roberta_tokenizer.json');
    const mask = 50264;
    expect(tokenizer.encode('a   <mask> b', PARSED)).toEqual([
      ...tokenizer.encode('a', LITERAL),
      mask,
      ...tokenizer.encode(' b', LITERAL),
    ]);
  });
});

/** Letters, two words, and tokens beside the model's own. */
const small = {
  added_tokens: [
    { id: 4, content: '<s>', special: true },
    { id: 5, content: '<s>>', special: true },
    { id: 6, content: 'aa  ', special: false },
  ],
  decoder: { type: 'ByteLevel' },
  pre_tokenizer: { type: 'ByteLevel', use_regex: false },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3, '<': 7, '>': 8, s: 9 }, merges: ['a b'] },
};

describe('added tokens', () => {
  const tokenizer = load(storedText(huggingFace(small)));

  it('are found leftmost first, the longest of those that begin together', () => {
    expect(tokenizer.encode('ab<s>>a<s>', PARSED)).toEqual([2, 5, 0, 4]);
  });

  it('are found in literal text too where they are not special', () => {
    expect(tokenizer.encode('baa  b<s>', LITERAL)).toEqual([1, 6, 1, 7, 9, 8]);
    expect(tokenizer.decode([1, 6, 1])).toBe('baa  b');
  });

  it('come before and after a text as asked, not by themselves', () => {
    const around = load({
      ...storedText(huggingFace(small)),
      text: { bosId: 4, eosIds: [5, 4], addBos: true, addEos: true },
    });
    expect(around.encode('a', { addBos: true, addEos: true, parseSpecial: false })).toEqual([4, 0, 5]);
    expect(around.encode('a', LITERAL)).toEqual([0]);
    expect(around.encode('', { addBos: true, addEos: false, parseSpecial: false })).toEqual([4]);
  });

  it('stand for nothing in running text where special, and so do ids without a token', () => {
    expect(tokenizer.decode([4, 0, 5, 999])).toBe('a');
  });
});
