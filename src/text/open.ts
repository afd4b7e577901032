import { openVocabulary } from '../import/open.js';
import { loadTokenizer } from './load.js';
import { storedText } from './stored-text.js';
import type { Tokenizer } from './tokenizer.js';

/** The tokenizer of a checkpoint, or of a GGUF file that holds nothing but a vocabulary. Throws NOT_FOUND, UNSUPPORTED or CORRUPT. */
export function openVocabularyTokenizer(path: string): Tokenizer {
  const { tokenizer, text } = storedText(openVocabulary(path));
  return loadTokenizer(tokenizer, text);
}
