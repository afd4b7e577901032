import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';

const text = { bosId: null, eosIds: [], addBos: false, addEos: false };
const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, 'a ': 3, ' b': 4, ' ': 5, 'a b': 6 }, merges: ['a b'] };
const decoder = { type: 'ByteLevel' };

describe('a tokenizer.json', () => {
  it('loads with just a model', () => {
    expect(loadTokenizer({ model }, text).encode('ab', { addBos: false, addEos: false, parseSpecial: true })).toEqual([
      2,
    ]);
  });

  it.each([
    ['no model', {}],
    ['a model that is a list', { model: [] }],
    ['no vocabulary', { model: { ...model, vocab: undefined } }],
    ['a vocabulary that is a list', { model: { ...model, vocab: [['a', 0]] } }],
    ['an empty vocabulary', { model: { ...model, vocab: {} } }],
    ['an id that is a text', { model: { ...model, vocab: { a: '0' } } }],
    ['an id below zero', { model: { ...model, vocab: { a: -1 } } }],
    ['an id beyond any vocabulary', { model: { ...model, vocab: { a: 1e9 } } }],
    ['no merges', { model: { ...model, merges: undefined } }],
    ['a merge of one piece', { model: { ...model, merges: ['ab'] } }],
    ['a merge of three pieces', { model: { ...model, merges: [['a', 'b', 'c']] } }],
    ['a merge that is a number', { model: { ...model, merges: [7] } }],
    ['a merge of pieces that do not exist', { model: { ...model, merges: ['a x'] } }],
    ['a merge into a piece that does not exist', { model: { ...model, merges: ['b a'] } }],
    ['a score that is a text', { model: { type: 'Unigram', vocab: [['a', '0']] } }],
    ['a table that is cut off', { model, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAE=' } }],
    ['tied merges beyond the list', { model: { ...model, tied_merges: [[0, 1]] } }],
    ['added tokens that are no list', { model, added_tokens: {} }],
    ['an added token without content', { model, added_tokens: [{ id: 1 }] }],
    ['an added token with a broken id', { model, added_tokens: [{ id: 1.5, content: 'x' }] }],
    ['a normalizer that is a text', { model, normalizer: 'NFC' }],
    ['a pre-tokenizer that is a text', { model, pre_tokenizer: 'ByteLevel' }],
  ])('with %s is CORRUPT', (_, json) => {
    expect(() => loadTokenizer({ decoder, ...json }, text)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it.each([
    ['an unknown kind of model', { model: { ...model, type: 'Klingon' } }],
    ['marks at the end of words', { model: { ...model, end_of_word_suffix: '</w>' } }],
    ['an unknown normalizer', { model, normalizer: { type: 'Rot13' } }],
    ['an unknown decoder', { model, decoder: { type: 'CTC' } }],
  ])('with %s is UNSUPPORTED', (_, json) => {
    expect(() => loadTokenizer({ decoder, ...json }, text)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('may have merges of pieces that hold spaces', () => {
    const spaced = { ...model, merges: [['a', ' b'], 'a  ', '  b'] };
    const tokenizer = loadTokenizer({ model: spaced }, text);
    expect(tokenizer.encode('a b', { addBos: false, addEos: false, parseSpecial: true })).toEqual([3, 1]);
  });
});
