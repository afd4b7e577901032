import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FlashrowError, shown } from '../../errors.js';
import type { ContentPart, RegionInput } from '../../text/chat-message.js';
import { badValue } from './option-values.js';

/** What a prompt has where a picture belongs. */
const MARKER = '<image>';

/** The pictures, as commander gives them. */
export interface ImageFlags {
  image?: string[];
}

/** And regions of them. */
export interface RegionFlags extends ImageFlags {
  region?: RegionInput[];
}

/** What a prompt has where a region belongs. */
const REGION_MARKER = '<region>';

export const addRegionOption = (command: Command): Command =>
  command.option(
    '--region <part>',
    'a part of the last picture, for a model that takes them: left,top,right,bottom or across,down in pixels, or a PNG as large as the picture that is black elsewhere; may be repeated; <region> in the prompt says where',
    (text: string, before: RegionInput[] = []) => [...before, parseRegion(text)],
  );

const REGION = 'left,top,right,bottom or across,down in pixels, like 10,20,200,180, or the file of a mask';

/**
 * What is no list of numbers is the path of a mask, and so is what names a file. Throws BAD_USAGE for a list that is
 * neither box nor point, and names a part of it that is no number.
 */
export function parseRegion(text: string, option = '--region'): RegionInput {
  const parts = text.split(',').map((part) => part.trim());
  const wrong = parts.filter((part) => !/^\d+(\.\d+)?$/.test(part));
  const numbers = parts.map(Number);
  if (wrong.length === 0 && numbers.length === 4) return { box: numbers };
  if (wrong.length === 0 && numbers.length === 2) return { point: numbers };
  const isList = wrong.length < parts.length || !/[^-\d.,\s]/.test(text);
  if (!isList || existsSync(text)) return { mask: text };
  if (wrong.length === 0) throw badValue(option, text, REGION);
  const strange = `${wrong.map((part) => shown(part)).join(' and ')} ${wrong.length === 1 ? 'is' : 'are'} no number of 0 or more`;
  throw new FlashrowError('BAD_USAGE', `${option} ${shown(text)}: ${strange}; it takes ${REGION}`, {
    ...{ option, value: text, accepted: REGION },
  });
}

/** The regions of the last of some pictures. */
export const ofLastPicture = ({ image, region }: RegionFlags): RegionInput[] | undefined =>
  region?.map((one) => ({ ...one, image: Math.max(0, (image?.length ?? 0) - 1) }));

/** Throws BAD_USAGE for an empty text. */
function towerPath(text: string): string {
  if (text === '') throw badValue('--mmproj', text, 'the path of a vision tower');
  return text;
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
      'the vision tower, by which the model takes pictures: an mmproj file, or the folder of its Hugging Face model (default: its own, or the file beside it)',
      towerPath,
    );

/**
 * A message about pictures: where it has `<image>`, or pictures first. Throws BAD_USAGE where there are not as many of
 * the one as of the other.
 */
export function messageAbout(
  text: string,
  images: readonly string[],
  regions: readonly RegionInput[] = [],
): string | ContentPart[] {
  if (images.length === 0 && regions.length === 0) return text;
  return withPictures(text, images).flatMap((part) => (part.type === 'text' ? withRegions(part, regions) : [part]));
}

const regionPart = ({ box, point, mask }: RegionInput): ContentPart => ({ type: 'region', box, point, mask });

/** A text with the regions that it has markers for. Throws BAD_USAGE where they are not as many. */
function withRegions(part: ContentPart, regions: readonly RegionInput[]): ContentPart[] {
  const texts = part.text!.split(REGION_MARKER);
  if (texts.length - 1 !== regions.length)
    throw new FlashrowError(
      'BAD_USAGE',
      `the message has ${texts.length - 1} times ${REGION_MARKER}, and --region was given ${regions.length} times; write it once for each`,
      { option: '--region' },
    );
  return texts.flatMap((text, at): ContentPart[] => [
    ...(at > 0 ? [regionPart(regions[at - 1])] : []),
    ...(text === '' ? [] : [{ type: 'text', text }]),
  ]);
}

function withPictures(text: string, images: readonly string[]): ContentPart[] {
  if (images.length === 0) return [{ type: 'text', text }];
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

/** `--annotate`, for commands that answer. */
export interface AnnotateFlags {
  annotate?: string;
}

export const addAnnotateOption = (command: Command): Command =>
  command.option(
    '--annotate <file>',
    'draw the boxes that the answer names onto a copy of the last picture, in this PNG; for models that write boxes',
  );
