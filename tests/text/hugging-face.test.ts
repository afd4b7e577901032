import { beforeAll, describe, expect, it } from 'vitest';
import { openVocabulary } from '../../dist/src/import/open.js';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import {
  golden,
  HARD_TEXTS,
  huggingFace,
  LITERAL,
  load,
  openTokenizer,
  openTokenizerJson,
  PARSED,
  sharedText,
} from './data.js';

describe.runIf(haveSharedData)(`the tales model's tokenizer${withoutSharedData}`, () => {
  let tokenizer: Tokenizer;
  let whole: { addBos: boolean; addEos: boolean; parseSpecial: boolean };
  beforeAll(() => {
    tokenizer = openTokenizer('models/tales');
    whole = { addBos: tokenizer.addBos, addEos: tokenizer.addEos, parseSpecial: false };
  });
  const reference = () => sharedJson('models/tales/reference.json');

  it('begins a text with its BOS and ends a generation with its EOS', () => {
    expect(tokenizer).toMatchObject({ bosId: 0, eosIds: [0], addBos: true, addEos: false });
  });

  it('gives the ids of the reference for its prompts, and their text for the ids generated', () => {
    const { greedy } = reference();
    expect(greedy).toHaveLength(3);
    for (const { prompt, promptTokens, tokens, text } of greedy) {
      expect(tokenizer.encode(prompt, whole)).toEqual(promptTokens);
      expect(tokenizer.decode(tokens)).toBe(text);
    }
  });

  it('gives the ids of the reference for the held-out stories', () => {
    const { sequences } = reference();
    const stories = sharedText('models/tales/val.txt')
      .split(/^<\|endoftext\|>$/m)
      .map((story) => story.trim())
      .filter(Boolean);
    expect(sequences).toHaveLength(stories.length);
    stories.forEach((story, at) => {
      expect(tokenizer.encode(story, whole).slice(0, 256)).toEqual(sequences[at]);
    });
  });

  it('decodes the whole file as it was', () => {
    const text = sharedText('models/tales/val.txt');
    expect(tokenizer.decode(tokenizer.encode(text, LITERAL))).toBe(text);
  });
});

describe.runIf(haveSharedData)(`tokenizer.json files${withoutSharedData}`, () => {
  it.each(Object.keys(golden.ids))('%s gives the ids of the Rust library', (file) => {
    const tokenizer = openTokenizerJson(file);
    golden.texts.forEach((text: string, at: number) => {
      expect(tokenizer.encode(text, PARSED), JSON.stringify(text)).toEqual(golden.ids[file][at]);
    });
  });

  it.each([...Object.keys(golden.ids), 'tokenizers/llama2_tokenizer.json'])('%s decodes what it encodes', (file) => {
    const tokenizer = openTokenizerJson(file);
    for (const text of [...HARD_TEXTS, ...golden.texts]) {
      if (file.includes('llama2') && text.includes('▁')) continue;
      expect(tokenizer.decode(tokenizer.encode(text, LITERAL)) === text, JSON.stringify(text.slice(0, 20))).toBe(true);
    }
  });

  it("uses RoBERTa's file the way OPT does: its own BOS and no EOS", () => {
    const vocabulary = {
      ...huggingFace(sharedJson('tokenizers/roberta_tokenizer.json')),
      bosId: 2,
      eosIds: [2],
    };
    const { text } = storedText(vocabulary);
    expect(text).toEqual({ bosId: 2, eosIds: [2], addBos: true, addEos: false });
    const ids = load(storedText(vocabulary)).encode('The capital of France is', {
      addBos: true,
      addEos: false,
      parseSpecial: true,
    });
    expect(ids).toEqual([2, 133, 812, 9, 1470, 16]);
  });

  it('leaves tokenizer.json as it is', () => {
    const vocabulary = openVocabulary(sharedPath('models/tales'));
    expect(storedText(vocabulary).tokenizer).toEqual(sharedJson('models/tales/tokenizer.json'));
  });
});
