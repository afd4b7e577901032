import { PAGE_POSITIONS } from '../../../native-bridge/memory.js';

/** Texts up to this many bytes are not worth a tokenizer: the tokens that they might be are few. */
const SHORT_TEXT_BYTES = 256;

/** What of a run's options tells its context. */
interface RunLength {
  chat?: boolean;
  maxTokens?: number;
  cacheDir?: string;
}

/**
 * The tokens of context that a run can use: those of its prompt and those that it may generate, in whole pages of the
 * state. Memory that the state does not take goes to the cache. Undefined where that is not known before the load: a
 * chat template may add anything. Throws what `openTokenizer` throws.
 */
export async function contextForRun(
  source: string,
  prompt: string | readonly number[],
  { chat, maxTokens, cacheDir }: RunLength,
): Promise<number | undefined> {
  if (chat || maxTokens === undefined) return undefined;
  const given = typeof prompt === 'string' ? await lengthOf(source, prompt, cacheDir) : prompt.length;
  return Math.ceil((given + maxTokens) / PAGE_POSITIONS) * PAGE_POSITIONS;
}

/** The tokens of a text; of a short one no fewer than these. */
async function lengthOf(source: string, text: string, cacheDir: string | undefined): Promise<number> {
  // A token is a byte at least, once the text is normalized. One more is BOS, and one a space at the front.
  const bytes = Math.max(
    ...[text, text.normalize('NFKC'), text.normalize('NFKD')].map((form) => Buffer.byteLength(form)),
  );
  if (bytes <= SHORT_TEXT_BYTES) return bytes + 2;
  const { openTokenizer } = await import('../../hub/open-tokenizer.js');
  const { tokenizer } = await openTokenizer(source, cacheDir);
  return tokenizer.encode(text, { addBos: tokenizer.addBos, addEos: false, parseSpecial: false }).length;
}
