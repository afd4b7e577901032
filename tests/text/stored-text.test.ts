import { describe, expect, it } from 'vitest';
import type { GgufVocabulary } from '../../dist/src/import/checkpoint.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { huggingFace, LITERAL, load, PARSED } from './data.js';

const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED] = [1, 2, 3, 4];

const sentencePiece: GgufVocabulary = {
  kind: 'gguf',
  model: 'llama',
  pre: null,
  tokens: ['<unk>', '<s>', '</s>', '▁', 'a', '▁a', '<|im_end|>', '  '],
  scores: [0, 0, 0, -2, -3, -1, 0, 0],
  types: [UNKNOWN, CONTROL, CONTROL, NORMAL, NORMAL, NORMAL, NORMAL, USER_DEFINED],
  merges: [],
  bosId: 1,
  eosId: 2,
  unknownId: 0,
  eotId: null,
  eomId: null,
  fimPadId: null,
  fimRepoId: null,
  fimSeparatorId: null,
  suppressedIds: [],
  addBos: null,
  addEos: null,
  addSpacePrefix: null,
  chatTemplate: null,
  name: null,
  sampling: {},
  warnings: [],
};

const byteLevel: GgufVocabulary = {
  ...sentencePiece,
  model: 'gpt2',
  pre: 'gpt-2',
  tokens: ['a', 'b', 'ab', 'Ġ', '__proto__', '<|end|>'],
  scores: [],
  types: [NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, CONTROL],
  merges: ['a b'],
  bosId: 5,
  eosId: null,
  unknownId: null,
};

describe('the text side of a GGUF vocabulary', () => {
  it.each([
    ['BOS for SentencePiece where the file does not say', sentencePiece, { addBos: true, addEos: false }],
    ['no BOS for byte-level BPE where the file does not say', byteLevel, { addBos: false, addEos: false }],
    ['what the file says', { ...byteLevel, addBos: true }, { addBos: true }],
    ['what the file says', { ...sentencePiece, addBos: false, addEos: true }, { addBos: false, addEos: true }],
    ['no BOS that does not exist', { ...byteLevel, bosId: null, addBos: true }, { bosId: null, addBos: false }],
    [
      'no EOS that does not exist',
      { ...byteLevel, tokens: ['a', 'b', 'ab'], eosId: null, addEos: true },
      { eosIds: [], addEos: false },
    ],
    [
      "llama.cpp's ids where a SentencePiece file names none",
      { ...sentencePiece, bosId: null, eosId: null },
      { bosId: 1, eosIds: [2, 6] },
    ],
    ['tokens that end a turn beside EOS', sentencePiece, { eosIds: [2, 6] }],
    ['tokens that end a turn without EOS', byteLevel, { eosIds: [5] }],
    [
      "not the end of one message of gpt-oss's several",
      { ...byteLevel, tokens: ['a', 'b', 'ab', 'Ġ', '<|return|>', '<|end|>', '<|call|>'] },
      { eosIds: [4, 6] },
    ],
  ])('has %s', (_, vocabulary, expected) => {
    expect(storedText(vocabulary).text).toMatchObject(expected);
  });

  it('carries the chat template', () => {
    expect(storedText({ ...byteLevel, chatTemplate: '{{ x }}' }).chatTemplate).toBe('{{ x }}');
  });

  it('cuts user-defined tokens out of any text, control tokens only where asked', () => {
    const tokenizer = load(storedText(sentencePiece));
    expect(tokenizer.encode('a  a', LITERAL)).toEqual([5, 7, 5]);
    expect(tokenizer.encode('</s>a<|im_end|>', PARSED)).toEqual([2, 5, 6]);
    expect(tokenizer.encode('</s>', LITERAL)).not.toContain(2);
  });

  it('takes one unknown token for a run of unknown characters', () => {
    expect(load(storedText(sentencePiece)).encode('axyza', LITERAL)).toEqual([5, 0, 4]);
  });

  it('lets a token be called __proto__', () => {
    const { tokenizer } = storedText(byteLevel);
    expect(JSON.parse(JSON.stringify(tokenizer)).model.vocab).toHaveProperty(['__proto__'], 4);
    expect(load(storedText(byteLevel)).decode([4])).toBe('__proto__');
  });

  it('refuses fewer scores than tokens', () => {
    const vocabulary = { ...sentencePiece, scores: [0, 1] };
    expect(() => storedText(vocabulary)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it.each([
    ['another tokenizer model', { ...sentencePiece, model: 'bert' }, /"bert"/],
    ['an unknown pre-tokenizer', { ...byteLevel, pre: 'klingon' }, /"klingon"/],
  ])('has token ids alone for %s, and refuses texts by its name', (_, vocabulary, named) => {
    const stored = storedText(vocabulary);
    expect(stored.text).toMatchObject({ addBos: false, idsOnly: expect.stringMatching(named) });
    const refusal = expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringMatching(named) });
    expect(() => load(stored).encode('a', LITERAL)).toThrow(refusal);
  });
});

describe('the text side of a Hugging Face folder', () => {
  const tokenizer = {
    added_tokens: [
      { id: 7, content: '<s>', special: true },
      { id: 8, content: '</s>', special: true },
      { id: 9, content: '<|eot_id|>', special: true },
    ],
    model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
  };
  const template = (...items: object[]) => ({
    type: 'TemplateProcessing',
    single: items,
    special_tokens: {
      '<s>': { id: '<s>', ids: [7], tokens: ['<s>'] },
      '</s>': { id: '</s>', ids: [8], tokens: ['</s>'] },
    },
  });
  const sequence = { Sequence: { id: 'A', type_id: 0 } };
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const names = { bos_token: '<s>', eos_token: { content: '</s>' } };
  const textOf = (parts: object, config: Record<string, unknown>, ids = {}) =>
    storedText({ ...huggingFace({ ...tokenizer, ...parts }, config), ...ids }).text;

  it('takes names, as texts or objects, from tokenizer_config.json before ids from config.json', () => {
    expect(textOf({}, names, { bosId: 3, eosIds: [4] })).toMatchObject({ bosId: 7, eosIds: [8, 4, 9] });
    expect(textOf({}, {}, { bosId: 3, eosIds: [4] })).toMatchObject({ bosId: 3, eosIds: [4, 9, 8] });
    expect(textOf({}, { bos_token: 'missing', eos_token: null })).toMatchObject({ bosId: null, eosIds: [9, 8] });
  });

  it.each([
    ['a template', template(special('<s>'), sequence), true, false],
    ['a template with both', template(special('<s>'), sequence, special('</s>')), true, true],
    [
      'a template within a sequence',
      { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template(special('<s>'), sequence)] },
      true,
      false,
    ],
    ['a template that adds nothing', template(sequence), false, false],
    ['RoBERTa with its own tokens', { type: 'RobertaProcessing', cls: ['<s>', 7], sep: ['</s>', 8] }, true, true],
    [
      "RoBERTa with another model's tokens",
      { type: 'RobertaProcessing', cls: ['x', 1], sep: ['</s>', 8] },
      true,
      false,
    ],
    ['nothing', null, false, false],
  ])('reads what is added off %s', (_, post_processor, addBos, addEos) => {
    expect(textOf({ post_processor }, names)).toMatchObject({ addBos, addEos });
  });

  it('believes tokenizer_config.json before a template', () => {
    const post_processor = template(special('<s>'), sequence);
    expect(textOf({ post_processor }, { ...names, add_bos_token: false, add_eos_token: true })).toMatchObject({
      addBos: false,
      addEos: true,
    });
  });

  it('adds BOS to SentencePiece where nothing is said', () => {
    const model = { type: 'BPE', byte_fallback: true, vocab: { a: 0 }, merges: [] };
    expect(textOf({ model }, names)).toMatchObject({ addBos: true, addEos: false });
  });

  it('never adds a BOS that there is not', () => {
    expect(textOf({}, { add_bos_token: true, add_eos_token: true })).toMatchObject({ bosId: null, addBos: false });
  });
});
