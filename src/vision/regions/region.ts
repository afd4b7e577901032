import { FlashrowError } from '../../errors.js';
import type { Size } from '../process/processor.js';
import { checkMask, type Mask, readMask } from './mask.js';

/**
 * A part of a picture, in pixels from its top left corner. Numbers name the pixel that they lie in; a box has the
 * pixels of both its corners, so that it is never without area.
 */
export type Region = { box: readonly number[] } | { point: readonly number[] } | { mask: Mask };

/** A point stands for a square around it. */
const AROUND_POINT = 5;

/** Columns `left` to `right` and rows `top` to `bottom`, all of them included. */
export interface PixelBox {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The pixels of a region, numbered from 0, column by column and each from the top. */
export interface RegionPixels {
  count: number;
  /** Calls `visit` for the pixels of `numbers`, which ascend. */
  visit(numbers: readonly number[], visit: (x: number, y: number) => void): void;
}

/**
 * What sticks out of the picture is left out. Throws BAD_USAGE where a region has no pixel of the picture, and what its
 * mask throws.
 */
export function pixelsOf(region: Region, size: Size): RegionPixels {
  if ('mask' in region) return maskPixels(region.mask, size);
  const { left, top, right, bottom } = boxOf(region, size);
  const rows = bottom - top + 1;
  return {
    count: rows * (right - left + 1),
    visit(numbers, visit) {
      for (const number of numbers) visit(left + Math.floor(number / rows), top + (number % rows));
    },
  };
}

/** The pixels of a box or around a point, cut to the picture. */
function boxOf(region: Exclude<Region, { mask: Mask }>, { width, height }: Size): PixelBox {
  const given = 'box' in region ? region.box : region.point;
  const whole = given.map(Math.trunc);
  const [x1, y1, x2, y2] =
    'box' in region ? whole : [...whole.map((at) => at - AROUND_POINT), ...whole.map((at) => at + AROUND_POINT)];
  const refused = (why: string) =>
    new FlashrowError('BAD_USAGE', `the region [${given.join(', ')}] ${why}`, { option: 'regions' });
  if (x1 > x2 || y1 > y2)
    throw refused(
      `ends before it begins, ${x1 > x2 ? 'from left to right' : 'from top to bottom'}; a box is [left, top, right, bottom]`,
    );
  const pixels = {
    left: Math.max(0, x1),
    top: Math.max(0, y1),
    right: Math.min(width - 1, x2),
    bottom: Math.min(height - 1, y2),
  };
  if (pixels.left > pixels.right || pixels.top > pixels.bottom)
    throw refused(`has no pixel of its picture, which has ${width} x ${height}`);
  return pixels;
}

function maskPixels(mask: Mask, size: Size): RegionPixels & { box: PixelBox } {
  checkMask(mask, size);
  const { width, height, data, origin, xStep, yStep } = readMask(mask);
  const box = { left: width, top: height, right: -1, bottom: -1 };
  let count = 0;
  for (let x = 0; x < width; x++)
    for (let y = 0, at = origin + x * xStep; y < height; y++, at += yStep) {
      if (data[at] === 0) continue;
      count++;
      box.left = Math.min(box.left, x);
      box.right = x;
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  if (count === 0)
    throw new FlashrowError(
      'BAD_USAGE',
      `${'bytes' in mask ? mask.name : 'the mask'} is empty: all of its pixels are black or transparent; a region has pixels of its picture`,
      { option: 'regions' },
    );
  return {
    count,
    box,
    visit(numbers, visit) {
      let next = 0;
      let number = 0;
      for (let x = box.left; x <= box.right && next < numbers.length; x++)
        for (let y = box.top, at = origin + x * xStep + y * yStep; y <= box.bottom; y++, at += yStep) {
          if (data[at] === 0) continue;
          if (number++ !== numbers[next]) continue;
          visit(x, y);
          if (++next === numbers.length) return;
        }
    },
  };
}

/**
 * Coordinates in thousandths, as Ferret is told them: numbers as they are given, up to the picture's edge; of a mask
 * those of its first and last pixels. Throws as `pixelsOf`, as a region without pixels has none.
 */
export function writtenRegion(region: Region, size: Size): string {
  const parts = corners(region, size).map((value, at) =>
    Math.trunc((1000 * value) / (at % 2 === 0 ? size.width : size.height)),
  );
  return `[${parts.join(', ')}]`;
}

function corners(region: Region, size: Size): number[] {
  if ('mask' in region) {
    const { left, top, right, bottom } = maskPixels(region.mask, size).box;
    return [left, top, right, bottom];
  }
  boxOf(region, size);
  const given = 'box' in region ? region.box : region.point;
  return given.map((value, at) => Math.min(value, at % 2 === 0 ? size.width : size.height));
}
