import { FlashrowError } from '../../errors.js';
import type { CheckAborted } from '../check-aborted.js';
import { type Picture, plainPicture } from '../decode/picture.js';
import { type Resampling, resized } from './resize.js';

/** The longest side that is padded: a square of it passes through the filter a part at a time. */
const MOST_SIDE = 16384;
/** Pixels of a part. */
const PART_PIXELS = 2 ** 20;

/**
 * The picture in the middle of a square as wide as its longer side, of one colour elsewhere, and that square as `edge`
 * x `edge` pixels (transformers, image_processing_llava.py, `pad_to_square`). The square itself is never in memory.
 * Throws UNSUPPORTED for a picture that is all too long.
 */
export function paddedSquare(
  picture: Picture,
  { colour, edge, filter }: { colour: readonly number[]; edge: number; filter: Resampling },
  checkAborted?: CheckAborted,
): Picture {
  const { width, height } = picture;
  const side = Math.max(width, height);
  if (side > MOST_SIDE)
    throw new FlashrowError(
      'UNSUPPORTED',
      `a picture of ${width} x ${height} pixels is not padded to a square; its sides may have ${MOST_SIDE} pixels at most`,
      { option: 'images' },
    );
  // Across first, as Pillow does it; what has one colour keeps it.
  const narrow = filled(edge, side, colour);
  const top = Math.floor((side - height) / 2);
  const left = Math.floor((side - width) / 2);
  const rows = Math.max(1, Math.floor(PART_PIXELS / side));
  for (let row = 0; row < height; row += rows) {
    const some = Math.min(rows, height - row);
    const part = filled(side, some, colour);
    copy(picture, row, some, part, left);
    const across = resized(part, edge, some, filter, { checkAborted });
    copy(across, 0, some, narrow, 0, top + row);
  }
  return resized(narrow, edge, edge, filter, { checkAborted });
}

function filled(width: number, height: number, colour: readonly number[]): Picture {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3];
  return plainPicture(width, height, data);
}

/** Copies rows `first` to `first + some` of a picture into another one, which has its samples in order. */
function copy(
  { width, data, origin, xStep, yStep }: Picture,
  first: number,
  some: number,
  into: Picture,
  left: number,
  top = 0,
): void {
  for (let y = 0; y < some; y++)
    for (let x = 0; x < width; x++) {
      const from = origin + (first + y) * yStep + x * xStep;
      const to = 3 * ((top + y) * into.width + left + x);
      for (let channel = 0; channel < 3; channel++) into.data[to + channel] = data[from + channel];
    }
}
