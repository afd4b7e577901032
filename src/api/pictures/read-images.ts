import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PictureFile } from '../../contract/protocol.js';
import { fileError } from '../../disk/files.js';
import { FlashrowError, shown } from '../../errors.js';
import type { ImageInput } from '../../text/chat-message.js';
import { isPngOrJpeg, MOST_FILE_BYTES, otherFormat, readHeader, uprightSize } from '../../vision/decode/header.js';
import { pathOf } from '../source.js';
import type { GivenImage } from './images.js';

/**
 * Reads pictures, and their headers. Throws NOT_FOUND,
 * IO, BAD_USAGE for what is no file, UNSUPPORTED or CORRUPT for what is no picture that is read here.
 */
export const readImages = (given: readonly GivenImage[]): Promise<PictureFile[]> =>
  Promise.all(given.map(async ({ image, regions }, at) => ({ ...(await readImage(image, `images[${at}]`)), regions })));

async function readImage(image: ImageInput, where: string): Promise<Omit<PictureFile, 'regions'>> {
  if (image instanceof Uint8Array) return picture(image, where);
  const given = String(typeof image === 'string' ? image : image.href);
  if (/^(https?|data|ftp|blob):/i.test(given))
    throw new FlashrowError(
      'BAD_USAGE',
      `images are paths, file URLs, or the bytes of PNGs or JPEGs, not ${shown(given)}; fetch it yourself, and give the file`,
      { option: 'images' },
    );
  const path = pathOf(where, image, 'images');
  return picture(await readFile(path), basename(path));
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    // Without waiting for a writer, where the path is a pipe.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = await file.stat();
      if (!stats.isFile())
        throw new FlashrowError('BAD_USAGE', `${path} is not an ordinary file; give a PNG or a JPEG`, { path });
      // What is larger is refused by its size; its beginning tells its kind.
      const bytes = new Uint8Array(Math.min(stats.size, MOST_FILE_BYTES + 1));
      await file.read(bytes, 0, bytes.length, 0);
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof FlashrowError ? error : fileError(path, error);
  }
}

async function picture(given: Uint8Array, name: string): Promise<Omit<PictureFile, 'regions'>> {
  const bytes = isPngOrJpeg(given) ? given : await converted(given);
  return { name, bytes, ...uprightSize(readHeader(bytes, name)) };
}

/** Another format as a PNG, by the package sharp, where it is installed; else the bytes as they are. */
async function converted(bytes: Uint8Array): Promise<Uint8Array> {
  const format = otherFormat(bytes);
  if (format === null || format === 'SVG' || format === 'PDF') return bytes;
  const sharp = await loadSharp();
  if (sharp === null) return bytes;
  try {
    return await sharp(bytes, { limitInputPixels: 3 * 2 ** 22 })
      .rotate()
      .png()
      .toBuffer();
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new FlashrowError('CORRUPT', `the picture, which is ${format}, cannot be decoded (${said})`, {}, { cause });
  }
}

/** The part of sharp's interface that is used. */
type Sharp = (
  bytes: Uint8Array,
  options: { limitInputPixels: number },
) => { rotate(): { png(): { toBuffer(): Promise<Uint8Array> } } };

async function loadSharp(): Promise<Sharp | null> {
  // A name that is computed: the package is optional, and its types are not here.
  const name: string = 'sharp';
  try {
    return (await import(name)).default;
  } catch {
    return null;
  }
}
