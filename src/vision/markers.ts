import { FlashrowError } from '../errors.js';
import type { Size } from './process/processor.js';
import type { Region } from './regions/region.js';
import type { VisionModel } from './vision-model.js';

/** A picture of a prompt, and the regions of it that the prompt is about. */
export interface SizedPicture extends Size {
  regions?: readonly Region[];
}

/** What a prompt needs to know of a model's eyes. */
export type PromptEyes = Pick<VisionModel, 'marker' | 'expand' | 'regions'>;

/** What stands for a picture in a prompt by hand, whatever the model's own marker is. */
const ANY_MARKER = '<image>';

/**
 * A prompt in which each marker has become what stands for its picture, in order. Without any marker, pictures come
 * first, after `begin`, with which a prompt may begin. Throws BAD_USAGE where markers and pictures are not as many.
 */
export function expandPrompt(text: string, sizes: readonly SizedPicture[], vision: PromptEyes, begin: string): string {
  const marker = markerIn(text, vision);
  const marked =
    sizes.length > 0 && !text.includes(marker) ? withPicturesFirst(text, sizes.length, marker, begin) : text;
  const count = marked.split(marker).length - 1;
  if (count !== sizes.length)
    throw new FlashrowError(
      'BAD_USAGE',
      `the prompt has ${places(count, marker)}, and ${pictures(sizes.length)}; write ${marker} once for each picture, or nowhere`,
      { option: 'images' },
    );
  return withRegions(expanded(marked, marker, sizes, vision), sizes, vision);
}

/** A prompt of which `mark` marks all but the markers, so that they alone may become tokens. */
export function markedBesideMarkers(text: string, vision: PromptEyes, mark: (part: string) => string): string {
  const inParts = (part: string, [marker, ...others]: readonly string[]): string =>
    marker === undefined
      ? mark(part)
      : part
          .split(marker)
          .map((one) => inParts(one, others))
          .join(marker);
  return inParts(text, [markerIn(text, vision), ...(vision.regions ? [vision.regions.marker] : [])]);
}

const markerIn = (text: string, { marker }: PromptEyes): string => (text.includes(marker) ? marker : ANY_MARKER);

/**
 * The same of what a chat template wrote: it has to have a marker for each picture. Marks of users' texts
 * (jinja/marks.ts) keep apart what they wrote themselves. Throws UNSUPPORTED.
 */
export function expandChat(rendered: string, sizes: readonly SizedPicture[], vision: PromptEyes): string {
  const count = rendered.split(vision.marker).length - 1;
  if (count !== sizes.length)
    throw new FlashrowError(
      'UNSUPPORTED',
      `the chat template has ${places(count, vision.marker)} for ${pictures(sizes.length)}: it may not take pictures in that role, or none at all`,
      { option: 'messages' },
    );
  return withRegions(expanded(rendered, vision.marker, sizes, vision), sizes, vision);
}

const expanded = (text: string, marker: string, sizes: readonly SizedPicture[], vision: PromptEyes): string => {
  let picture = 0;
  return text.replaceAll(marker, () => vision.expand(sizes[picture++]));
};

/** The error for regions that are given to a model that takes none. */
export const withoutRegions = () =>
  new FlashrowError('UNSUPPORTED', 'the model takes no regions; describe the place in words', { option: 'regions' });

/**
 * Puts regions where their markers are. Throws BAD_USAGE where there are more or fewer, UNSUPPORTED without eyes for
 * them.
 */
function withRegions(text: string, sizes: readonly SizedPicture[], { regions: eyes }: PromptEyes): string {
  const regions = sizes.flatMap((size) => (size.regions ?? []).map((region) => ({ region, size })));
  if (!eyes) {
    if (regions.length > 0) throw withoutRegions();
    return text;
  }
  const count = text.split(eyes.marker).length - 1;
  if (count !== regions.length)
    throw new FlashrowError(
      'BAD_USAGE',
      `the prompt has ${places(count, eyes.marker)}, and the regions given are ${regions.length}; write ${eyes.marker} once for each of them`,
      { option: 'regions' },
    );
  let at = 0;
  return text.replaceAll(eyes.marker, () => {
    const { region, size } = regions[at++];
    return eyes.expand(region, size);
  });
}

function withPicturesFirst(text: string, count: number, marker: string, begin: string): string {
  const after = begin !== '' && text.startsWith(begin) ? begin.length : 0;
  return text.slice(0, after) + `${marker}\n`.repeat(count) + text.slice(after);
}

const places = (count: number, marker: string): string => (count === 1 ? `one ${marker}` : `${count} ${marker}`);
const pictures = (count: number): string =>
  count === 0 ? 'no picture was given' : count === 1 ? 'one picture' : `${count} pictures`;
