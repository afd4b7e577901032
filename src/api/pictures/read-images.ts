import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { PictureFile } from '../../contract/protocol.js';
import { fileError } from '../../disk/files.js';
import { FlashrowError, shown } from '../../errors.js';
import { type ImageInput, isMaskSamples } from '../../text/chat-message.js';
import { isPngOrJpeg, MOST_FILE_BYTES, otherFormat, readHeader, uprightSize } from '../../vision/decode/header.js';
import type { Size } from '../../vision/process/processor.js';
import { checkMask } from '../../vision/regions/mask.js';
import type { Region } from '../../vision/regions/region.js';
import { pathOf } from '../source.js';
import type { GivenImage, GivenRegion } from './images.js';

/**
 * Reads pictures, their headers, and the masks of their regions. Throws NOT_FOUND, IO, BAD_USAGE for what is no file
 * and for a mask of another size, UNSUPPORTED or CORRUPT for what is no picture that is read here.
 */
export const readImages = (given: readonly GivenImage[]): Promise<PictureFile[]> =>
  Promise.all(
    given.map(async ({ image, regions }, at) => {
      const file = await bytesOf(image, `images[${at}]`, 'images');
      const read = await picture(file.bytes, file.name);
      return { ...read, regions: await Promise.all(regions.map((region) => readRegion(region, read))) };
    }),
  );

/** A region whose mask is read, and of its picture's size. */
async function readRegion(region: GivenRegion, size: Size): Promise<Region> {
  if (!('mask' in region)) return region;
  const mask = isMaskSamples(region.mask) ? region.mask : await bytesOf(region.mask, 'mask', 'regions');
  checkMask(mask, size);
  return { mask };
}

/** Characters of the longest path of common systems. */
const MOST_PATH = 4096;
/** A text with the Base64 of the first bytes of a PNG, a JPEG, a GIF or a WebP, or one as long as no name of a file. */
const isBase64 = (text: string): boolean =>
  /^[\w+/\s-]+={0,2}\s*$/.test(text) && (/^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)/.test(text) || text.length > MOST_PATH);

/** The bytes of a file, and what messages call it. */
async function bytesOf(file: ImageInput, where: string, option: 'images' | 'regions') {
  if (file instanceof Uint8Array) return { name: where, bytes: file };
  const given = String(typeof file === 'string' ? file : file.href);
  if (/^(https?|data|ftp|blob):/i.test(given))
    throw new FlashrowError(
      'BAD_USAGE',
      `${where} is a path, a file URL, or the bytes of a file, not ${shown(given)}; ${/^data:/i.test(given) ? 'decode its Base64 yourself, and give the bytes' : 'fetch it yourself, and give the file'}`,
      { option },
    );
  const path = pathOf(where, file, option);
  try {
    return { name: path, bytes: await readFile(path, option) };
  } catch (error) {
    // Only what leads to no file: a path may look like anything.
    if (error instanceof FlashrowError && (error.code === 'NOT_FOUND' || error.code === 'IO')) {
      if (isBase64(path))
        throw new FlashrowError(
          'BAD_USAGE',
          `${where} looks like Base64, not like a path: ${shown(path)}; give its bytes, as Buffer.from(text, 'base64')`,
          { option },
        );
      if (path.length > MOST_PATH)
        throw new FlashrowError(
          'BAD_USAGE',
          `${where} is a text of ${path.length} characters, too long for a path: ${shown(path)}`,
          {
            option,
          },
        );
    }
    throw error;
  }
}

async function readFile(path: string, option: 'images' | 'regions'): Promise<Uint8Array> {
  try {
    // Without waiting for a writer, where the path is a pipe.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = await file.stat();
      if (!stats.isFile())
        throw new FlashrowError(
          'BAD_USAGE',
          `${path} is not an ordinary file; give ${option === 'regions' ? 'a PNG' : 'a PNG or a JPEG'}`,
          { path },
        );
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
  const bytes = isPngOrJpeg(given) ? given : await converted(given, name);
  return { name, bytes, ...uprightSize(readHeader(bytes, name)) };
}

/** Another format as a PNG, by the package sharp, where it is installed; else the bytes as they are. */
async function converted(bytes: Uint8Array, name: string): Promise<Uint8Array> {
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
    throw new FlashrowError(
      'CORRUPT',
      `${name}, which is ${format}, cannot be decoded (${said})`,
      { where: name },
      { cause },
    );
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
