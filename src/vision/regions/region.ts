import { FlashrowError } from '../../errors.js';
import type { Size } from '../process/processor.js';

/** A part of a picture, in pixels from its top left corner. */
export type Region = { box: readonly number[] } | { point: readonly number[] };

/** A point stands for a square around it. */
const AROUND_POINT = 5;

/** The pixels of a region: columns `left` to `right` and rows `top` to `bottom`, all of them included. */
export interface RegionPixels {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Throws BAD_USAGE where a region has no pixel of the picture. */
export function pixelsOf(region: Region, { width, height }: Size): RegionPixels {
  const [x1, y1, x2, y2] =
    'box' in region
      ? region.box
      : [...region.point.map((at) => at - AROUND_POINT), ...region.point.map((at) => at + AROUND_POINT)];
  const pixels = {
    left: Math.max(0, Math.trunc(x1)),
    top: Math.max(0, Math.trunc(y1)),
    right: Math.min(width - 1, Math.trunc(x2)),
    bottom: Math.min(height - 1, Math.trunc(y2)),
  };
  if (pixels.left > pixels.right || pixels.top > pixels.bottom)
    throw new FlashrowError(
      'BAD_USAGE',
      `regions have pixels of their picture, and [${('box' in region ? region.box : region.point).join(', ')}] has none of one of ${width} x ${height}`,
      { option: 'regions' },
    );
  return pixels;
}

/** Coordinates in thousandths, as Ferret is told them. */
export function writtenRegion(region: Region, { width, height }: Size): string {
  const numbers = 'box' in region ? region.box : region.point;
  const parts = numbers.map((value, at) => Math.trunc((1000 * value) / (at % 2 === 0 ? width : height)));
  return `[${parts.join(', ')}]`;
}
