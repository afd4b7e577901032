import { readFileSync } from 'node:fs';
import { openVocabulary } from '../../dist/src/import/open.js';
import { loadTokenizer } from '../../dist/src/text/bpe-tokenizer.js';
import type { StoredText } from '../../dist/src/text/stored-text.js';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { sharedJson, sharedPath } from '../support/shared-data.js';

export const sharedText = (file: string): string => readFileSync(sharedPath(file), 'utf8');

/** What Hugging Face's tokenizers, in Rust, make of some texts. */
export const golden = JSON.parse(
  readFileSync(new URL('../golden/hugging-face-tokenizers.json', import.meta.url), 'utf8'),
);

/** As a store would hand it over: through JSON. */
export const load = ({ tokenizer, text }: StoredText): Tokenizer =>
  loadTokenizer(JSON.parse(JSON.stringify(tokenizer)), text);

export const openTokenizer = (file: string): Tokenizer => load(storedText(openVocabulary(sharedPath(file))));

/** A tokenizer.json with what stands beside it in a folder. */
export const huggingFace = (tokenizer: Record<string, unknown>, config: Record<string, unknown> = {}) => ({
  kind: 'huggingface' as const,
  tokenizer,
  config,
  bosId: null as number | null,
  eosIds: [] as number[],
  vocabSize: null as number | null,
  chatTemplate: null,
  generationConfig: null,
});

/** A tokenizer.json that no folder is around. */
export const openTokenizerJson = (file: string): Tokenizer => load(storedText(huggingFace(sharedJson(file))));

export const LITERAL = { addBos: false, addEos: false, parseSpecial: false };
export const PARSED = { addBos: false, addEos: false, parseSpecial: true };

/** Texts that break tokenizers. */
export const HARD_TEXTS: readonly string[] = [
  '',
  ' ',
  '       ',
  '\n\n \n',
  '\0a\0',
  '\ufeffmark \ufeff',
  'a'.repeat(100_000),
  ' '.repeat(5000),
  '🦙語ا é e\u0301 \u2028 \u0085 \u00a0',
  '▁ ▁▁',
  '</s><s><|endoftext|>',
];

/** Repeatable: a linear congruential generator. */
export function randomTexts(count: number, alphabet: string, longest: number): string[] {
  const characters = [...alphabet];
  let seed = 1;
  const below = (limit: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + below(longest) }, () => characters[below(characters.length)]).join(''),
  );
}
