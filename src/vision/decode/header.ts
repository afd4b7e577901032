import { jpegHeader } from './jpeg-header.js';
import { type PictureHeader, turnsSideways } from './picture.js';
import { isPng, pngHeader } from './png-header.js';
import { damagedPicture, unsupported } from './refusals.js';

/** The largest picture that is decoded: 12 megapixels and a half. Towers look at far fewer. */
export const MOST_PIXELS = 3 * 2 ** 22;
/** What a decoder takes at most: the file's samples, and the pixels once or twice. */
export const DECODE_BYTES = 12 * MOST_PIXELS;
/** The largest file of a picture. */
export const MOST_FILE_BYTES = 64 * 2 ** 20;

/** Other formats, by their first bytes. */
const OTHERS: readonly [name: string, sign: RegExp][] = [
  ['GIF', /^GIF8/],
  ['WebP', /^RIFF....WEBP/s],
  ['BMP', /^BM/],
  ['TIFF', /^(II[*]|MM.[*])/s],
  ['AVIF or HEIC', /^....ftyp/s],
  ['JPEG XL or JPEG 2000', /^(\xff\n|...\fJXL |...\fjP {2})/s],
  ['SVG', /^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?<svg/],
  ['PDF', /^%PDF/],
];

/** The name of a format that is neither PNG nor JPEG; null for bytes that are no picture known here. */
export function otherFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  return OTHERS.find(([, sign]) => sign.test(start))?.[0] ?? null;
}

export const isPngOrJpeg = (bytes: Uint8Array): boolean => isPng(bytes) || isJpeg(bytes);
const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/**
 * Reads the header of a PNG or a JPEG. `where` is the picture's name in messages. Throws UNSUPPORTED for other formats,
 * for colours that are not read, and for more than MOST_PIXELS pixels; CORRUPT for a header that makes no sense.
 */
export function readHeader(bytes: Uint8Array, where: string): PictureHeader {
  if (bytes.length > MOST_FILE_BYTES)
    throw unsupported(
      where,
      `has ${bytes.length} bytes; at most ${MOST_FILE_BYTES} are read; make the picture smaller`,
    );
  const header = isPng(bytes) ? pngHeader(bytes, where) : isJpeg(bytes) ? jpegHeader(bytes, where) : null;
  if (header === null) {
    const other = otherFormat(bytes);
    throw unsupported(
      where,
      other === null
        ? bytes.length === 0
          ? 'is empty; give a PNG or a JPEG'
          : 'is no picture that is known here; give a PNG or a JPEG'
        : `is ${other}; PNG and JPEG are read. Save it as one of these, or install the package sharp`,
    );
  }
  const { width, height } = header;
  if (width < 1 || height < 1) throw damagedPicture(where, `says that it has ${width} x ${height} pixels`);
  if (width * height > MOST_PIXELS)
    throw unsupported(
      where,
      `has ${width} x ${height} pixels; at most ${MOST_PIXELS} pixels are read; make the picture smaller`,
    );
  return header;
}

/** Width and height as the picture is looked at. */
export const uprightSize = ({ width, height, orientation }: PictureHeader): { width: number; height: number } =>
  turnsSideways(orientation) ? { width: height, height: width } : { width, height };
