import { join } from 'node:path';
import { FlashrowError, shown } from '../errors.js';
import { TOKENIZER_FILE } from '../store/manifest.js';
import type { Store } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** The tokens of a model. */
export interface ModelVocabulary {
  tokenizer: Tokenizer;
  vocabSize: number;
}

/**
 * Throws UNSUPPORTED unless a draft has the vocabulary of the model that it drafts for, token by token. Sizes may
 * differ: vocabularies are padded. `name` is the draft as the caller named it.
 */
export function checkVocabulary(draft: ModelVocabulary, target: ModelVocabulary, name: string): void {
  const { tokenizer: ours } = target;
  const { tokenizer: theirs } = draft;
  const idsOnly = ours.idsOnly ?? theirs.idsOnly;
  if (idsOnly !== null)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${name} cannot draft for this model, as the tokens of the two cannot be compared: ${idsOnly}`,
      { option: 'draft', value: name },
    );
  const size = Math.min(target.vocabSize, draft.vocabSize);
  for (let id = 0; id < size; id++) {
    if (isSame(ours, theirs, id)) continue;
    throw new FlashrowError(
      'UNSUPPORTED',
      `${name} cannot draft for this model: token ${id} is ${tokenShown(theirs, id)} there and ${tokenShown(ours, id)} here; a draft has the same vocabulary, as a smaller model of the same family`,
      { option: 'draft', value: name },
    );
  }
}

/** The tokens of a store. Throws CORRUPT. */
export const vocabularyOf = (store: Store): ModelVocabulary => ({
  tokenizer: loadTokenizer(store.readTokenizer(), store.text, join(store.path, TOKENIZER_FILE)),
  vocabSize: store.spec.vocabSize,
});

const isSame = (one: Tokenizer, other: Tokenizer, id: number): boolean =>
  one.token(id) === other.token(id) && Buffer.compare(one.bytes(id), other.bytes(id)) === 0;

const tokenShown = (tokenizer: Tokenizer, id: number): string => shown(tokenizer.token(id));
