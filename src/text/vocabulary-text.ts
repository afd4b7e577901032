import type { Vocabulary } from '../import/checkpoint.js';
import { textFromGguf } from './from-gguf.js';
import { textFromHuggingFace } from './from-hugging-face.js';
import type { StoredText } from './stored-text.js';

/** Converts a checkpoint's vocabulary to the one format that `loadTokenizer` reads. Throws UNSUPPORTED or CORRUPT. */
export const storedText = (vocabulary: Vocabulary): StoredText =>
  vocabulary.kind === 'gguf' ? textFromGguf(vocabulary) : textFromHuggingFace(vocabulary);
