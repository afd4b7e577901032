import { PAGE_POSITIONS } from '../../../native-bridge/memory.js';
import type { RegionFlags } from '../options/image-option.js';

/** Texts up to this many bytes are not worth a tokenizer: the tokens that they might be are few. */
const SHORT_TEXT_BYTES = 256;

/** What of a run's options tells its context. */
interface RunLength extends RegionFlags {
  chat?: boolean;
  /** The text of a template that was given for `chat`. */
  template?: string;
  templateVar?: Readonly<Record<string, unknown>>;
  parseSpecial?: boolean;
  maxTokens?: number;
  mmproj?: string;
  cacheDir?: string;
}

/**
 * The tokens of context that a run can use: those of its prompt, its pictures' among them, and those that it may
 * generate, in whole pages of the state. Memory that the state does not take goes to the cache. Undefined where the run
 * may generate as much as it likes, and for pictures without eyes. Throws what `openTokenizer` throws, of a chat what
 * its template throws, and of pictures what `lengthWithPictures` throws.
 */
export async function contextForRun(
  source: string,
  prompt: string | readonly number[],
  run: RunLength,
): Promise<number | undefined> {
  if (run.maxTokens === undefined) return undefined;
  const given = typeof prompt === 'string' ? await lengthOf(source, prompt, run) : prompt.length;
  if (given === undefined) return undefined;
  return Math.ceil((given + run.maxTokens) / PAGE_POSITIONS) * PAGE_POSITIONS;
}

/** The tokens of a text; of a short one that is no chat no fewer than these. */
async function lengthOf(source: string, text: string, run: RunLength): Promise<number | undefined> {
  if (run.image !== undefined) {
    const { lengthWithPictures } = await import('./picture-prompt.js');
    return lengthWithPictures(source, { ...run, text });
  }
  // A token is a byte at least, once the text is normalized. One more is BOS, and one a space at the front.
  const bytes = Math.max(
    ...[text, text.normalize('NFKC'), text.normalize('NFKD')].map((form) => Buffer.byteLength(form)),
  );
  if (!run.chat && bytes <= SHORT_TEXT_BYTES) return bytes + 2;
  const { openTokenizer } = await import('../../hub/open-tokenizer.js');
  const { tokenizer, chatTemplate } = await openTokenizer(source, run.cacheDir);
  if (run.chat) {
    const { ChatPrompts } = await import('../../engine/chat-prompts.js');
    const { finished } = await import('../../text/steps.js');
    const { template = null, templateVar: variables = {} } = run;
    const messages = [{ role: 'user', content: text }];
    const counting = new ChatPrompts(tokenizer, () => chatTemplate, null).count({
      messages,
      template,
      variables,
      tools: [],
      toolChoice: 'auto',
      pictures: [],
      parallelToolCalls: true,
    });
    return finished(counting);
  }
  return tokenizer.encode(text, { addBos: tokenizer.addBos, addEos: false, parseSpecial: false }).length;
}
