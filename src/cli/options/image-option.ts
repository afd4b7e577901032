import type { Command } from 'commander';
import { FlashrowError } from '../../errors.js';
import type { ContentPart } from '../../text/chat-message.js';

/** What a prompt has where a picture belongs. */
const MARKER = '<image>';

/** The pictures, as commander gives them. */
export interface ImageFlags {
  image?: string[];
}

export const addImageOption = (command: Command, more = ''): Command =>
  command
    .option(
      '--image <file>',
      `a picture that the prompt is about, a PNG or a JPEG; may be repeated${more}`,
      (file: string, before: string[] = []) => [...before, file],
    )
    .option(
      '--mmproj <path>',
      'the vision tower, by which the model takes pictures: the folder of its Hugging Face model (default: its own)',
    );

/**
 * A message about pictures: where it has `<image>`, or pictures first. Throws BAD_USAGE where there are not as many of
 * the one as of the other.
 */
export function messageAbout(text: string, images: readonly string[]): string | ContentPart[] {
  if (images.length === 0) return text;
  const picture = (image: string): ContentPart => ({ type: 'image', image });
  const texts = text.split(MARKER);
  if (texts.length === 1) return [...images.map(picture), { type: 'text', text }];
  if (texts.length - 1 !== images.length)
    throw new FlashrowError(
      'BAD_USAGE',
      `the message has ${texts.length - 1} times ${MARKER}, and --image was given ${images.length} times; write it once for each picture, or nowhere`,
      { option: '--image' },
    );
  return texts
    .flatMap((part, at): ContentPart[] => [...(at > 0 ? [picture(images[at - 1])] : []), { type: 'text', text: part }])
    .filter(({ type, text: part }) => type !== 'text' || part !== '');
}
