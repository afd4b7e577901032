import type { Orientation } from './picture.js';

const ORIENTATION = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * The orientation that a block of EXIF (a TIFF header and what follows) tells; 1 where it tells none that makes sense.
 */
export function exifOrientation(block: Uint8Array): Orientation {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (block.length < 8) return 1;
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return 1;
  const little = mark === 0x4949;
  const at = view.getUint32(4, little);
  if (at + 2 > block.length) return 1;
  const entries = view.getUint16(at, little);
  for (let entry = 0; entry < entries; entry++) {
    const from = at + 2 + entry * ENTRY_BYTES;
    if (from + ENTRY_BYTES > block.length) return 1;
    if (view.getUint16(from, little) !== ORIENTATION) continue;
    const value = view.getUint16(from + 2, little) === SHORT ? view.getUint16(from + 8, little) : 1;
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}
