import { FlashrowError, shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import type { CheckAborted } from '../check-aborted.js';
import type { Picture } from '../decode/picture.js';
import { normalize } from './normalize.js';
import type { Size } from './processor.js';
import { normalizationOf, refuseUnknownFields, requireSteps, resamplingOf } from './processor-fields.js';
import { resized } from './resize.js';

const OWN = ['min_pixels', 'max_pixels', 'patch_size', 'temporal_patch_size', 'merge_size'];
/** What transformers takes where a file says nothing. */
const LEAST_PIXELS = 56 * 56;
const MOST_PIXELS = 28 * 28 * 1280;
/** Of the longer side and the shorter one. */
const MOST_RATIO = 200;
const CLIP = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};

/** Pixels of a picture, [3, height, width]. */
export interface Pixels extends Size {
  pixels: Float32Array;
}

/** A processor for towers that take pictures of many sizes. */
export interface GridProcessor {
  /** The size that a picture becomes. Throws UNSUPPORTED for one that is all too long. */
  sizeOf(size: Size): Size;
  prepare(picture: Picture, checkAborted?: CheckAborted): Pixels;
  /** The most multiples of `factor` x `factor` pixels that a picture becomes. */
  readonly mostSquares: number;
}

/**
 * The processor of Qwen-VL: both sides become multiples of `factor`, and their product stays between two bounds.
 * Throws UNSUPPORTED or CORRUPT.
 */
export function gridProcessor(fields: Fields, names: readonly string[], factor: number): GridProcessor {
  refuseUnknownFields(fields, names, OWN);
  requireSteps(fields, ['do_resize', 'do_convert_rgb']);
  const filter = resamplingOf(fields, 'bicubic');
  const normalization = normalizationOf(fields, CLIP);
  const { least, most } = boundsOf(fields);
  const sizeOf = (size: Size) => multiples(size, factor, least, most);
  // A very long picture is one square high, and then as long as its shape has it.
  const long = (pixels: number) => Math.sqrt(MOST_RATIO * pixels) / factor;
  return {
    sizeOf,
    mostSquares: Math.ceil(Math.max(most / factor ** 2, long(most), least / factor ** 2 + 2 * long(least) + 1)),
    prepare(picture, checkAborted) {
      const { width, height } = sizeOf(picture);
      const pixels = new Float32Array(3 * width * height);
      normalize(resized(picture, width, height, filter, { checkAborted }), normalization, pixels, 0);
      return { pixels, width, height };
    },
  };
}

/** `size` counts in the fast class of transformers alone; the other one passes it over. */
function boundsOf(fields: Fields): { least: number; most: number } {
  const fast = fields.text('image_processor_type')?.endsWith('Fast') === true;
  const size = fast ? fields.object('size') : null;
  const least = fields.size('min_pixels', size?.size('shortest_edge') ?? LEAST_PIXELS);
  const most = fields.size('max_pixels', size?.size('longest_edge') ?? MOST_PIXELS);
  if (least > most) throw fields.corrupt('min_pixels', `is ${least}, more than the ${most} pixels at most`);
  return { least, most };
}

/** Python's `round`: halves go to the even number. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** transformers, image_processing_qwen2_vl.py, `smart_resize`. */
function multiples({ width, height }: Size, factor: number, least: number, most: number): Size {
  const ratio = Math.max(width, height) / Math.min(width, height);
  if (ratio > MOST_RATIO)
    throw new FlashrowError(
      'UNSUPPORTED',
      `a picture of ${width} x ${height} pixels is ${shown(Math.round(ratio))} times as long as it is wide; at most ${MOST_RATIO} times is supported`,
      { option: 'images' },
    );
  const rounded = { width: roundEven(width / factor) * factor, height: roundEven(height / factor) * factor };
  if (rounded.width * rounded.height > most) {
    const shrink = Math.sqrt((height * width) / most);
    const down = (side: number) => Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { width: down(width), height: down(height) };
  }
  if (rounded.width * rounded.height < least) {
    const grow = Math.sqrt(least / (height * width));
    const up = (side: number) => Math.ceil((side * grow) / factor) * factor;
    return { width: up(width), height: up(height) };
  }
  return rounded;
}
