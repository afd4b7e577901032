import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import type { CheckAborted } from '../check-aborted.js';
import type { Picture } from '../decode/picture.js';
import { normalize } from './normalize.js';
import { paddedSquare } from './pad.js';
import type { Processor } from './processor.js';
import {
  heightAndWidth,
  normalizationOf,
  refuseUnknownFields,
  requireSteps,
  resamplingOf,
} from './processor-fields.js';
import { cropped, resized } from './resize.js';

/** What OpenAI's CLIP was trained with. */
const CLIP = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};
const OWN = ['do_center_crop', 'crop_size', 'do_pad'];

/**
 * CLIP's processor: the shorter side to a length, then the centre is cut out; or the whole picture to a size, whatever
 * its shape. LLaVA's may put what is missing to a square around a picture first. The tower takes `imageSize` x
 * `imageSize`. `names` are the keys of `fields`. Throws UNSUPPORTED or CORRUPT.
 */
export function cropProcessor(fields: Fields, names: readonly string[], imageSize: number): Processor {
  refuseUnknownFields(fields, names, OWN);
  requireSteps(fields, ['do_resize', 'do_convert_rgb']);
  const pads = fields.flag('do_pad') === true;
  // transformers' class for CLIP itself passes the field over.
  if (pads && !(fields.text('image_processor_type') ?? '').startsWith('LlavaImageProcessor'))
    throw fields.unsupported('do_pad', 'is true; only "LlavaImageProcessor" pads to a square');
  const filter = resamplingOf(fields, 'bicubic');
  const normalization = normalizationOf(fields, CLIP);
  const crops = fields.flag('do_center_crop') !== false;
  const shape = resizingOf(fields, imageSize);
  const cut = crops ? (heightAndWidth(fields, 'crop_size') ?? { height: imageSize, width: imageSize }) : null;
  const given = cut ?? (typeof shape === 'number' ? null : shape);
  if (given === null || given.width !== imageSize || given.height !== imageSize)
    throw fields.unsupported(
      crops ? 'crop_size' : 'size',
      `gives ${given === null ? 'pictures of any shape' : `${given.width} x ${given.height} pixels`}; the vision tower takes ${imageSize} x ${imageSize}`,
    );
  const plane = 3 * imageSize ** 2;
  const colour = normalization.mean.map((mean) => Math.trunc(mean * 255));
  const edge = typeof shape === 'number' ? shape : shape.width;
  const squareOf = (picture: Picture, checkAborted?: CheckAborted) =>
    paddedSquare(picture, { colour, edge, filter }, checkAborted);
  return {
    mostTiles: 1,
    cut: () => ({ rows: 0, columns: 0, whole: true }),
    prepare(picture, checkAborted) {
      const sides = pads ? { width: 1, height: 1 } : picture;
      const { width, height } = typeof shape === 'number' ? shortestEdge(sides, shape) : shape;
      // A side that is shorter than the cut keeps its place in the middle, with black around it.
      const window = {
        left: Math.max(0, Math.floor((width - imageSize) / 2)),
        top: Math.max(0, Math.floor((height - imageSize) / 2)),
        width: Math.min(width, imageSize),
        height: Math.min(height, imageSize),
      };
      const pixels = new Float32Array(plane);
      const around = pads && picture.width !== picture.height ? squareOf(picture, checkAborted) : null;
      const seen = around ? cropped(around, window) : resized(picture, width, height, filter, { window, checkAborted });
      normalize(seen, normalization, pixels, 0, {
        left: Math.ceil((imageSize - window.width) / 2),
        top: Math.ceil((imageSize - window.height) / 2),
        ...{ width: imageSize, height: imageSize },
      });
      return { pixels, tiles: 1 };
    },
  };
}

/** The length of the shorter side, or both sides. */
function resizingOf(fields: Fields, imageSize: number): number | { width: number; height: number } {
  const size = fields.raw('size');
  if (size === undefined) return imageSize;
  // A number alone is the shorter side, as files of 2021 have it.
  if (typeof size === 'number') return fields.size('size');
  const both = heightAndWidth(fields, 'size');
  if (both) return both;
  const sides = fields.object('size')!;
  if (sides.raw('shortest_edge') === undefined || sides.raw('longest_edge') !== undefined)
    throw fields.unsupported(
      'size',
      `is ${shown(JSON.stringify(size))}; "shortest_edge", or "height" and "width" are read`,
    );
  return sides.size('shortest_edge');
}

/** Sides of which the shorter one has a length (transformers, get_resize_output_image_size). */
function shortestEdge({ width, height }: Pick<Picture, 'width' | 'height'>, length: number) {
  const long = Math.trunc((length * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: length, height: long } : { width: long, height: length };
}
