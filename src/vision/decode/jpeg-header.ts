import { exifOrientation } from './exif.js';
import type { Orientation, PictureHeader } from './picture.js';
import { damagedPicture, unsupported } from './refusals.js';

/** Frames by their marker's second byte (ITU T.81, table B.1). Others than these two are hardly seen, and not read. */
const FRAMES: Readonly<Record<number, string>> = {
  195: 'lossless',
  197: 'hierarchical',
  198: 'hierarchical',
  199: 'hierarchical',
  201: 'arithmetic-coded',
  202: 'arithmetic-coded',
  203: 'arithmetic-coded',
  205: 'arithmetic-coded',
  206: 'arithmetic-coded',
  207: 'arithmetic-coded',
};
const APP1 = 0xe1;
const SCAN = 0xda;
const END = 0xd9;
const EXIF = 'Exif\0\0';

/** Reads up to the frame. Throws CORRUPT, and UNSUPPORTED for CMYK and for frames that are not read. */
export function jpegHeader(bytes: Uint8Array, where: string): PictureHeader {
  let orientation: Orientation | null = null;
  for (let at = 2; ; ) {
    // Any number of 0xff may stand before a marker.
    while (at < bytes.length && bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1];
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    if (at + 4 > bytes.length) throw damagedPicture(where, `ends at byte ${bytes.length}, within its header`);
    if (bytes[at] !== 0xff || marker === SCAN || marker === END || length < 2)
      throw damagedPicture(where, `has no frame before byte ${at}`);
    const data = bytes.subarray(at + 4, at + 2 + length);
    if (data.length < length - 2) throw damagedPicture(where, `ends at byte ${bytes.length}, within its header`);
    if (marker === APP1 && orientation === null && Buffer.from(data.subarray(0, 6)).toString('latin1') === EXIF)
      orientation = exifOrientation(data.subarray(6));
    if (FRAMES[marker])
      throw unsupported(where, `is a ${FRAMES[marker]} JPEG, which is not read; save it as a usual one`);
    if (marker >= 0xc0 && marker <= 0xc2) return { ...frame(data, where), orientation: orientation ?? 1 };
    at += 2 + length;
  }
}

function frame(data: Uint8Array, where: string): Omit<PictureHeader, 'orientation'> {
  if (data.length < 6) throw damagedPicture(where, 'has a frame that is cut short');
  const [precision, high, low, wide, narrow, components] = data;
  if (precision !== 8) throw unsupported(where, `is a JPEG of ${precision} bits, which is not read; save it with 8`);
  if (components === 4) throw unsupported(where, 'is a CMYK JPEG, which is not read; save it as RGB');
  if (components !== 1 && components !== 3) throw damagedPicture(where, `says that it has ${components} components`);
  return { kind: 'jpeg', width: (wide << 8) | narrow, height: (high << 8) | low };
}
