import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { GenerationResult } from '../../contract/generation.js';
import type { ModelInfo } from '../../contract/model-info.js';
import { kindOf } from '../../disk/files.js';
import { asPlaceError } from '../../disk/folders.js';
import { replaceFile } from '../../disk/replace-file.js';
import { FlashrowError } from '../../errors.js';
import type { RegionInput } from '../../text/chat-message.js';
import type { GroundedBox } from '../../vision/boxes.js';
import { isPng } from '../../vision/decode/png-header.js';
import { notice } from '../output/output.js';

const OPTION = '--annotate';
const badUsage = (message: string, path: string) => new FlashrowError('BAD_USAGE', message, { option: OPTION, path });

/**
 * Throws before anything is loaded what would keep the picture from being written: BAD_USAGE where it would replace a
 * file that is read, or one that is no PNG; NOT_WRITABLE where its folder is missing or closed, or takes no
 * file. Nothing is left there.
 */
export function checkAnnotation(file: string, images: readonly string[], regions: readonly RegionInput[] = []): void {
  if (!/\.png$/i.test(file))
    throw badUsage(`${OPTION} writes a PNG, and ${file} is not called one; name it .png`, file);
  const masks = regions.flatMap(({ mask }) => (typeof mask === 'string' ? [mask] : []));
  const kind = kindOf(file);
  for (const read of [...images, ...masks])
    if (resolve(read) === resolve(file) || (kind !== null && isSameFile(read, file)))
      throw badUsage(`${OPTION} would write over ${read}, which is read; choose another name`, file);
  if (kind !== null && !(kind === 'file' && beginsAsPng(file)))
    throw badUsage(`${file} exists, and is no PNG; choose another name`, file);
  const folder = dirname(resolve(file));
  try {
    accessSync(folder, constants.W_OK);
    // Some folders permit it and take no file, like /proc, and a name may be too long. `replaceFile` begins so.
    const beside = `${resolve(file)}.${process.pid}.partial`;
    closeSync(openSync(beside, 'wx'));
    rmSync(beside);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = !existsSync(folder) ? 'its folder does not exist' : `its folder cannot be written to (${code})`;
    throw new FlashrowError(
      'NOT_WRITABLE',
      `${file} cannot be written: ${why}`,
      { path: file, errno: code },
      { cause },
    );
  }
}

/** Throws UNSUPPORTED for a model whose answers name no boxes. */
export function requireBoxes({ vision }: ModelInfo): void {
  if (vision?.boxes) return;
  throw new FlashrowError(
    'UNSUPPORTED',
    `the model writes no boxes that are known here, so that ${OPTION} has nothing to draw; leave it out`,
    { option: OPTION },
  );
}

/**
 * Draws the boxes of an answer onto a copy of a picture: the file is there whole, or as it was. Throws as
 * `checkAnnotation` does, and what reading the picture throws.
 */
export async function annotate(file: string, image: string, { boxes = [] }: Pick<GenerationResult, 'boxes'>) {
  const [{ readImages }, { decodePicture }, { drawBoxes }] = await Promise.all([
    import('../../api/pictures/read-images.js'),
    import('../../vision/decode/decode.js'),
    import('../../vision/draw-boxes.js'),
  ]);
  checkAnnotation(file, [image]);
  const [{ bytes, name }] = await readImages([{ image, regions: [] }]);
  const png = drawBoxes(decodePicture(bytes, name), boxes);
  try {
    replaceFile(file, (open) => writeFileSync(open, png));
  } catch (error) {
    throw asPlaceError(error, file);
  }
  const count = boxes.length === 1 ? 'one box' : `${boxes.length} boxes`;
  notice(boxes.length === 0 ? `${file} has no box: the answer names none` : `${file} has ${count}`);
}

/** A box for the eye: `a dog: 200, 200 to 1000, 600`. */
export const formatBox = ({ text, box }: GroundedBox): string => {
  const [left, top, right, bottom] = box.map((value) => Math.round(value));
  return `${text === '' ? 'box' : text}: ${left}, ${top} to ${right}, ${bottom}`;
};

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function beginsAsPng(path: string): boolean {
  const bytes = new Uint8Array(8);
  const file = openSync(path, 'r');
  try {
    readSync(file, bytes);
  } finally {
    closeSync(file);
  }
  return isPng(bytes);
}
