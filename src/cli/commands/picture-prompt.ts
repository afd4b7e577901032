import { resolve } from 'node:path';
import { messageAbout, ofLastPicture, type RegionFlags } from '../options/image-option.js';

/** A prompt with pictures, as a run has it. */
export interface PicturePrompt extends RegionFlags {
  text: string;
  chat?: boolean;
  /** The text of a template that was given for `chat`. */
  template?: string;
  templateVar?: Readonly<Record<string, unknown>>;
  parseSpecial?: boolean;
  mmproj?: string;
  cacheDir?: string;
}

/**
 * The tokens of a prompt with its pictures, without loading the model; undefined for a model without eyes. Throws what
 * the prompt is refused with, and what reading pictures, tower and vocabulary throws.
 */
export async function lengthWithPictures(source: string, prompt: PicturePrompt): Promise<number | undefined> {
  const [
    { findVision },
    { openVision },
    { resolveSource },
    { openTokenizer },
    { givenImages },
    { readImages },
    { idOfToken },
    { finished },
  ] = await Promise.all([
    import('../../vision/find-vision.js'),
    import('../../vision/open-vision.js'),
    import('../../hub/resolve-source.js'),
    import('../../hub/open-tokenizer.js'),
    import('../../api/pictures/images.js'),
    import('../../api/pictures/read-images.js'),
    import('../../text/id-of-token.js'),
    import('../../text/steps.js'),
  ]);
  const { text, chat, template = null, templateVar: variables = {}, parseSpecial = true, image = [], region } = prompt;
  const path =
    prompt.mmproj === undefined ? findVision(resolveSource(source, prompt.cacheDir), null) : resolve(prompt.mmproj);
  if (path === null) return undefined;
  const { tokenizer, chatTemplate } = await openTokenizer(source, prompt.cacheDir);
  if (tokenizer.idsOnly !== null) return undefined;
  const vision = openVision(path, (token) => idOfToken(token, tokenizer));
  const pictures = await readImages(givenImages(image, ofLastPicture({ image, region })));
  if (!chat) {
    const { encodePrompt } = await import('../../engine/pictures/encode-prompt.js');
    return finished(encodePrompt({ text, addSpecial: true, parseSpecial, pictures }, tokenizer, vision)).length;
  }
  const { ChatPrompts } = await import('../../engine/chat-prompts.js');
  const prompts = new ChatPrompts(tokenizer, () => chatTemplate ?? vision.chatTemplate ?? null, vision);
  const messages = [{ role: 'user', content: messageAbout(text, image, region) }];
  const rest = { template, variables, tools: [], toolChoice: 'auto' as const, parallelToolCalls: true };
  return finished(prompts.count({ messages, pictures, ...rest }));
}
