import { join } from 'node:path';
import { FlashrowError, shown } from '../errors.js';
import { TOKENIZER_FILE } from '../store/manifest.js';
import type { Store } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import type { Tokenizer } from '../text/tokenizer.js';

/**
 * Throws UNSUPPORTED unless a draft has the vocabulary of the model that it drafts for, token by token. Sizes may
 * differ: vocabularies are padded. `name` is the draft as the caller named it.
 */
export function checkVocabulary(draft: Store, target: Store, name: string): void {
  const ours = tokenizerOf(target);
  const theirs = tokenizerOf(draft);
  const size = Math.min(target.spec.vocabSize, draft.spec.vocabSize);
  for (let id = 0; id < size; id++) {
    if (isSame(ours, theirs, id)) continue;
    throw new FlashrowError(
      'UNSUPPORTED',
      `${name} cannot draft for this model: token ${id} is ${tokenShown(theirs, id)} there and ${tokenShown(ours, id)} here; a draft has the same vocabulary, as a smaller model of the same family`,
      { option: 'draft', value: name },
    );
  }
}

function tokenizerOf(store: Store): Tokenizer {
  return loadTokenizer(store.readTokenizer(), store.text, join(store.path, TOKENIZER_FILE));
}

const isSame = (one: Tokenizer, other: Tokenizer, id: number): boolean =>
  one.token(id) === other.token(id) && Buffer.compare(one.bytes(id), other.bytes(id)) === 0;

const tokenShown = (tokenizer: Tokenizer, id: number): string => shown(tokenizer.token(id));
