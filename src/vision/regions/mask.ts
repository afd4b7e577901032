import { FlashrowError } from '../../errors.js';
import { isPngOrJpeg, otherFormat, readHeader, uprightSize } from '../decode/header.js';
import { turned } from '../decode/picture.js';
import { decodePngSamples, OF_PIXELS } from '../decode/png.js';
import { isPng } from '../decode/png-header.js';
import { unsupported } from '../decode/refusals.js';
import type { Size } from '../process/processor.js';

/** A mask: a PNG and what messages call it, or samples, row after row, of which what is not 0 is in the region. */
export type Mask = { name: string; bytes: Uint8Array } | { width: number; height: number; data: Uint8Array };

/**
 * The samples of a mask, upright: that of pixel (x, y) is data[origin + x * xStep + y * yStep], and not 0 where it is
 * in.
 */
export interface MaskSteps extends Size {
  readonly data: Uint8Array;
  readonly origin: number;
  readonly xStep: number;
  readonly yStep: number;
}

const nameOf = (mask: Mask): string => ('bytes' in mask ? mask.name : 'the mask');

/**
 * Throws BAD_USAGE for a mask of another size than its picture, UNSUPPORTED for one that is no PNG, CORRUPT for one
 * whose header makes no sense.
 */
export function checkMask(mask: Mask, { width, height }: Size): void {
  const name = nameOf(mask);
  if ('bytes' in mask && !isPng(mask.bytes)) {
    const kind = isPngOrJpeg(mask.bytes) ? 'a JPEG' : otherFormat(mask.bytes);
    const is = mask.bytes.length === 0 ? 'is empty' : kind === null ? 'is no picture that is known here' : `is ${kind}`;
    throw unsupported(name, `${is}; a mask is a PNG, whose pixels are what was drawn`);
  }
  const own = 'bytes' in mask ? uprightSize(readHeader(mask.bytes, name)) : mask;
  if (own.width === width && own.height === height) return;
  throw new FlashrowError(
    'BAD_USAGE',
    `${name} has ${own.width} x ${own.height} pixels, and its picture ${width} x ${height}; a mask is as large as its picture`,
    { option: 'regions' },
  );
}

/** Reads a mask that is of its picture's size. Throws CORRUPT. */
export function readMask(mask: Mask): MaskSteps {
  if (!('bytes' in mask)) return { ...mask, origin: 0, xStep: 1, yStep: mask.width };
  const { header, data } = decodePngSamples(mask.bytes, mask.name, [...OF_PIXELS, 'tRNS']);
  const { width, height, orientation } = header;
  const inside = new Uint8Array(width * height);
  for (let at = 0; at < inside.length; at++) {
    const isBlack = (data[4 * at] | data[4 * at + 1] | data[4 * at + 2]) === 0;
    inside[at] = isBlack || data[4 * at + 3] === 0 ? 0 : 1;
  }
  return turned({ width, height, data: inside, origin: 0, xStep: 1, yStep: width }, orientation);
}
