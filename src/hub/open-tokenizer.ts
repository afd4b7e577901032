import { join } from 'node:path';
import { openVocabulary } from '../import/open.js';
import { TOKENIZER_FILE } from '../store/manifest.js';
import { isStore, openStore } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { storedText } from '../text/vocabulary-text.js';
import { resolveSource } from './resolve-source.js';

/**
 * The tokenizer of a store, a GGUF file (a vocabulary-only one will do), a Hugging Face folder or a model that was
 * pulled, without loading the model, what is odd about its vocabulary, in sentences, and its chat template, null
 * without one. It is small enough to run in the caller's thread. Throws NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export async function openTokenizer(
  named: string,
  cacheDir?: string,
): Promise<{ tokenizer: Tokenizer; warnings: readonly string[]; chatTemplate: string | null }> {
  const source = resolveSource(named, cacheDir);
  if (isStore(source)) {
    const store = openStore(source);
    const tokenizer = loadTokenizer(store.readTokenizer(), store.text, join(source, TOKENIZER_FILE));
    return { tokenizer, warnings: store.text.warnings ?? [], chatTemplate: store.readChatTemplate() };
  }
  const vocabulary = openVocabulary(source);
  const { tokenizer, text } = storedText(vocabulary);
  const path = vocabulary.kind === 'gguf' ? source : join(source, TOKENIZER_FILE);
  const { chatTemplate } = vocabulary;
  return { tokenizer: loadTokenizer(tokenizer, text, path), warnings: text.warnings ?? [], chatTemplate };
}
