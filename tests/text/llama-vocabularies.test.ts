import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { GgufValue } from '../../dist/src/import/gguf-header.js';
import { readGgufVocabulary } from '../../dist/src/import/gguf-vocabulary.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { LITERAL, load, PARSED } from './data.js';

interface Vocabulary {
  name: string;
  metadata: Record<string, GgufValue>;
  addBos: boolean;
  bosId: number | null;
  ends: number[];
  texts: [text: string, parsed: number[], literal: number[]][];
}

/** The answers are those of llama.cpp: see tests/golden/llama_vocabularies.mjs. */
const vocabularies: Vocabulary[] = JSON.parse(
  readFileSync(new URL('../golden/llama-vocabularies.json', import.meta.url), 'utf8'),
);

const stored = ({ metadata }: Vocabulary) =>
  storedText(readGgufVocabulary('small.gguf', new Map(Object.entries(metadata))));

describe('a GGUF vocabulary is read as by llama.cpp:', () => {
  it.each(vocabularies.map((vocabulary) => [vocabulary.name, vocabulary] as const))('%s', (name, vocabulary) => {
    const { text, tokenizer } = stored(vocabulary);
    expect(new Set(text.eosIds)).toEqual(new Set(vocabulary.ends));
    expect(text.eosIds).toHaveLength(vocabulary.ends.length);
    // node-llama-cpp names no BOS that the file does not mark as special.
    if ('tokenizer.ggml.token_type' in vocabulary.metadata) {
      expect(text.addBos).toBe(vocabulary.addBos);
      if (vocabulary.addBos) expect(text.bosId).toBe(vocabulary.bosId);
    }
    const loaded = load({ ...stored(vocabulary), tokenizer });
    for (const [written, parsed, literal] of vocabulary.texts) {
      expect(loaded.encode(written, PARSED), written).toEqual(parsed);
      // llama.cpp has some ends of messages count in any text. Then a message could end itself.
      if (name !== 'ends of gpt-oss' && name !== 'ends of Solar Open')
        expect(loaded.encode(written, LITERAL), written).toEqual(literal);
    }
  });

  it('an end by name is special, whatever its type', () => {
    const byName = vocabularies.find(({ name }) => name === 'end <|end|>')!;
    const types = (byName.metadata['tokenizer.ggml.token_type'] as number[]).fill(1);
    const loaded = load(stored({ ...byName, metadata: { ...byName.metadata, 'tokenizer.ggml.token_type': types } }));
    expect(loaded.encode('<|end|>', PARSED)).toEqual([12]);
    expect(loaded.encode('<|end|>', LITERAL)).not.toContain(12);
    expect(loaded.bytes(12)).toHaveLength(0);
  });

  it.each([
    ['no pre-tokenizer', { 'tokenizer.ggml.pre': undefined }, /tokenizer\.ggml\.pre/],
    [
      'a BOS that is wanted and named nowhere',
      { 'tokenizer.ggml.add_bos_token': true, 'tokenizer.ggml.pre': 'glm4', 'tokenizer.ggml.bos_token_id': undefined },
      /tokenizer\.ggml\.bos_token_id/,
    ],
    ['an id outside the vocabulary', { 'tokenizer.ggml.eot_token_id': 99 }, /eot_token_id is 99, outside/],
  ])('warns of %s', (_, change, warning) => {
    const { metadata } = vocabularies.find(({ name }) => name === 'pre-tokenizer gpt-2')!;
    const entries = Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== undefined);
    const { warnings } = storedText(readGgufVocabulary('small.gguf', new Map(entries as [string, GgufValue][]))).text;
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });
});
