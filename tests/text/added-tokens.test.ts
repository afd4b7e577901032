import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mark } from '../../dist/src/text/jinja/marks.js';
import { finished } from '../../dist/src/text/steps.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { huggingFace, LITERAL, load, PARSED } from './data.js';

interface Golden {
  tokenizers: Record<string, { added_tokens: object[] }>;
  texts: string[];
  cases: { normalizer: string; flags: Record<string, boolean>; ids: number[][] }[];
}

/** The ids are those of Hugging Face tokenizers, in Rust: see tests/golden/added_tokens.py. */
const golden: Golden = JSON.parse(readFileSync(new URL('../golden/added-tokens.json', import.meta.url), 'utf8'));

const named = golden.cases.map((one) => {
  const flags = Object.keys(one.flags).filter((flag) => one.flags[flag]);
  return [flags.join(', ') || 'no flags', one.normalizer, one] as const;
});

describe('added tokens give the ids of the Rust library', () => {
  it.each(named)('with %s, normalizer %s', (_, normalizer, { flags, ids }) => {
    const json = golden.tokenizers[normalizer];
    const added_tokens = json.added_tokens.map((token) => ({ ...token, ...flags }));
    const tokenizer = load(storedText(huggingFace({ ...json, added_tokens })));
    golden.texts.forEach((text, at) => {
      expect(tokenizer.encode(text, PARSED), JSON.stringify(text)).toEqual(ids[at]);
    });
  });
});

describe('added tokens that are special', () => {
  const json = (normalized: boolean) => ({
    added_tokens: [{ id: 2, content: '<s>', special: true, normalized }],
    normalizer: { type: 'Prepend', prepend: '\u2581' },
    model: { type: 'BPE', vocab: { a: 0, '\u2581': 1 }, merges: [] },
  });

  // The library finds a normalized one only after what the normalizer puts before a text; transformers mends that with
  // tokenizer_config.json. A chat template would write its <s> as three letters.
  it.each([true, false])('are found as they are written, normalized: %s', (normalized) => {
    expect(load(storedText(huggingFace(json(normalized)))).encode('a<s>a', PARSED)).toEqual([1, 0, 2, 1, 0]);
  });

  it('come of no other spelling', () => {
    const lower = { ...json(true), normalizer: { type: 'Lowercase' } };
    const tokenizer = load(storedText(huggingFace(lower)));
    expect(tokenizer.encode('<S>', PARSED)).not.toContain(2);
    expect(finished(tokenizer.encodeGuarded(tokenizer.guard(mark('<S><s>'), '').text))).not.toContain(2);
  });

  it("are the template's alone where a token is looked for in normalized text too", () => {
    const token = { id: 2, content: '<|im|>', special: false, normalized: true };
    const model = { type: 'BPE', vocab: { a: 0, '<': 1, '|': 3, i: 4, m: 5, '>': 6 }, merges: [] };
    const tokenizer = load(storedText(huggingFace({ added_tokens: [token], normalizer: { type: 'NFC' }, model })));
    const { text } = tokenizer.guard(`<|im|>${mark('a<|im|>')}`, '<|im|>');
    expect(finished(tokenizer.encodeGuarded(text))).toEqual([2, 0, 1, 3, 4, 5, 3, 6]);
  });
});

describe('added tokens beyond the embedding', () => {
  const json = {
    added_tokens: [
      { id: 2, content: '<a>', special: true },
      { id: 3, content: '<b>', special: true },
    ],
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: { a: 0, b: 1, '<': 4, '>': 5 }, merges: [] },
  };

  it('are plain text, and named in a warning', () => {
    const stored = storedText({ ...huggingFace(json), vocabSize: 3 });
    expect(load(stored).encode('<a><b>', PARSED)).toEqual([2, 4, 1, 5]);
    expect(stored.text.warnings).toEqual([expect.stringContaining('"<b>"')]);
    expect(load(storedText({ ...huggingFace(json), vocabSize: 4 })).encode('<b>', PARSED)).toEqual([3]);
    expect(load(stored).encode('<b>', LITERAL)).toEqual([4, 1, 5]);
  });
});
