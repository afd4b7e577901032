import { openVocabulary } from '../import/open.js';
import { isStore, openStore } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { storedText } from '../text/vocabulary-text.js';
import { resolveSource } from './resolve-source.js';

/**
 * The tokenizer of a store, a GGUF file (a vocabulary-only one will do), a Hugging Face folder or a model that was
 * pulled, without loading the model. Small enough to run where it is called. Throws NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export async function openTokenizer(named: string, cacheDir?: string): Promise<Tokenizer> {
  const source = resolveSource(named, cacheDir);
  if (isStore(source)) {
    const store = openStore(source);
    return loadTokenizer(store.readTokenizer(), store.text);
  }
  const { tokenizer, text } = storedText(openVocabulary(source));
  return loadTokenizer(tokenizer, text);
}
