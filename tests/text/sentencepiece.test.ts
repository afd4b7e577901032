import { describe, expect, it } from 'vitest';
import type { GgufVocabulary } from '../../dist/src/import/checkpoint.js';
import { openVocabulary } from '../../dist/src/import/open.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { LITERAL, load, openTokenizer, randomTexts, sharedText } from './data.js';

const ALPHABET = ' ab  \n\té🦙ا=-aethersing<s>\u00a0';

/**
 * What llama.cpp does, as plainly as it can be written: join the best-scored pair, the leftmost of equals, until none
 * is left.
 */
function joinPairs({ tokens, scores }: GgufVocabulary, ids: Map<string, number>, text: string): number[] {
  const symbols = [...`▁${text.replaceAll(' ', '▁')}`];
  for (;;) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const id = ids.get(symbols[at] + symbols[at + 1]);
      if (id !== undefined && scores[id] > bestScore) {
        best = at;
        bestScore = scores[id];
      }
    }
    if (best < 0) break;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
  const bytes = (symbol: string) =>
    [...Buffer.from(symbol)].map((byte) => tokens.indexOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
  return symbols.flatMap((symbol) => ids.get(symbol) ?? bytes(symbol));
}

const readGguf = (file: string) => openVocabulary(sharedPath(file)) as GgufVocabulary;

describe.runIf(haveSharedData)(`SentencePiece${withoutSharedData}`, () => {
  const cases: [string, () => GgufVocabulary][] = [
    ['Llama 2, whose runs of spaces all score the same', () => readGguf('tokenizers/ggml-vocab-llama-spm.gguf')],
    ['stories260K', () => readGguf('models/stories260K/stories260K.gguf')],
    [
      'a vocabulary where every score is the same',
      () => {
        const vocabulary = readGguf('models/stories260K/stories260K.gguf');
        return { ...vocabulary, scores: vocabulary.scores.map(() => -1000) };
      },
    ],
  ];

  it.each(cases)('joins pairs in the order of llama.cpp: %s', (_, read) => {
    const vocabulary = read();
    const tokenizer = load(storedText(vocabulary));
    const ids = new Map(vocabulary.tokens.map((token, id) => [token, id]));
    const story = sharedText('text/stories_train.txt')
      .slice(0, 4000)
      .match(/.{1,100}/g)!;
    for (const text of [...randomTexts(300, ALPHABET, 50), ...randomTexts(100, '    a', 60), ...story]) {
      expect(tokenizer.encode(text, LITERAL), JSON.stringify(text)).toEqual(joinPairs(vocabulary, ids, text));
    }
  });

  it('decodes the ids that stories260K generated to the text that llama2.c prints', () => {
    const tokenizer = openTokenizer('models/stories260K/stories260K.gguf');
    const ids: number[] = sharedJson('models/stories260K/greedy_ids.json');
    const printed = sharedText('models/stories260K/expected_stdout_200steps.txt').trimEnd();
    expect(printed.length).toBeGreaterThan(400);
    expect(tokenizer.decode(ids).startsWith(printed)).toBe(true);
  });

  it('encodes stories to the ids that llama2.c gives them', () => {
    const tokenizer = openTokenizer('models/stories260K/stories260K.gguf');
    const { stories } = sharedJson('models/stories260K/ref_ppl_20stories.json') as { stories: { tokens: number[] }[] };
    expect(stories).toHaveLength(20);
    for (const { tokens } of stories) {
      const text = tokenizer.decode(tokens);
      expect(tokenizer.decode(tokenizer.encode(text, LITERAL))).toBe(text);
      // A story cut at 512 tokens may end within a word.
      const sure = tokens.length < 512 ? tokens.length : 500;
      const again = tokenizer.encode(text, { addBos: true, addEos: false, parseSpecial: false });
      expect(again.slice(0, sure)).toEqual(tokens.slice(0, sure));
    }
  });

  it('puts no space before the text where the file says so', () => {
    const vocabulary = { ...readGguf('tokenizers/ggml-vocab-llama-spm.gguf'), addSpacePrefix: false };
    const tokenizer = load(storedText(vocabulary));
    const hello = vocabulary.tokens.indexOf('Hello');
    expect(tokenizer.encode('Hello', LITERAL)).toEqual([hello]);
    expect(tokenizer.decode(tokenizer.encode(' Hello', LITERAL))).toBe(' Hello');
  });

  it('keeps the space of a token in running text and drops the first of a whole text', () => {
    const tokenizer = openTokenizer('tokenizers/ggml-vocab-llama-spm.gguf');
    const [world] = tokenizer.encode('world', LITERAL);
    expect(Buffer.from(tokenizer.bytes(world)).toString()).toBe(' world');
    expect(tokenizer.decode([world, world])).toBe('world world');
  });

  it('spells bytes that have no character of their own', () => {
    const tokenizer = openTokenizer('tokenizers/ggml-vocab-llama-spm.gguf');
    const [, ...llama] = tokenizer.encode('🦙', LITERAL);
    expect(llama.map((id) => [...tokenizer.bytes(id)])).toEqual([[0xf0], [0x9f], [0xa6], [0x99]]);
  });
});
