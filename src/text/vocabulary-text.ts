import { FlashrowError } from '../errors.js';
import type { GgufVocabulary, Vocabulary } from '../import/checkpoint.js';
import { loadTokenizer } from './bpe-tokenizer.js';
import { ggufEnds } from './end-tokens.js';
import { textFromHuggingFace } from './from-hugging-face.js';
import { textFromGguf } from './gguf/from-gguf.js';
import { generationConfigOf } from './gguf/gguf-sampling.js';
import { withoutTokenizer } from './ids-only.js';
import type { StoredText } from './stored-text.js';

/**
 * Converts a checkpoint's vocabulary to the one format that `loadTokenizer` reads. A GGUF file's vocabulary that is not
 * supported gives a text side without a tokenizer. Throws CORRUPT.
 */
export function storedText(vocabulary: Vocabulary): StoredText {
  if (vocabulary.kind !== 'gguf') return textFromHuggingFace(vocabulary);
  return orIdsOnly(
    () => textFromGguf(vocabulary),
    () => bareText(vocabulary),
  );
}

/**
 * The same, with a tokenizer that was loaded once: a folder's that is not supported is found, too. `path` is the file
 * that has it, for messages.
 */
export function loadableText(vocabulary: Vocabulary, path: string): StoredText {
  const stored = storedText(vocabulary);
  const load = () => {
    loadTokenizer(stored.tokenizer, stored.text, path);
    return stored;
  };
  return orIdsOnly(load, () => stored);
}

function orIdsOnly(make: () => StoredText, otherwise: () => StoredText): StoredText {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'UNSUPPORTED')) throw error;
    return withoutTokenizer(otherwise(), error.message);
  }
}

/** What a GGUF file tells of texts beside its tokenizer. */
function bareText(vocabulary: GgufVocabulary): StoredText {
  const { tokens, chatTemplate, sampling, suppressedIds, warnings } = vocabulary;
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const eosIds = ggufEnds((token) => ids.get(token) ?? null, vocabulary);
  return {
    tokenizer: {},
    chatTemplate,
    generationConfig: generationConfigOf(sampling),
    text: { bosId: null, eosIds, addBos: false, addEos: false, suppressedIds, warnings },
  };
}
