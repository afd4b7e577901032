import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import { normalize } from './normalize.js';
import type { Processor } from './processor.js';
import {
  heightAndWidth,
  normalizationOf,
  refuseUnknownFields,
  requireSteps,
  resamplingOf,
} from './processor-fields.js';
import { resized } from './resize.js';

const OWN = [
  ...['do_pan_and_scan', 'pan_and_scan_min_crop_size', 'pan_and_scan_max_num_crops'],
  'pan_and_scan_min_ratio_to_activate',
];
const STANDARD = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/**
 * Gemma 3's processor: the whole picture as a square, whatever its shape, without the cuts that it can make of long
 * pictures. The tower takes `imageSize` x `imageSize`. Throws UNSUPPORTED or CORRUPT.
 */
export function squashProcessor(fields: Fields, names: readonly string[], imageSize: number): Processor {
  refuseUnknownFields(fields, names, OWN);
  requireSteps(fields, ['do_resize', 'do_convert_rgb']);
  if (fields.flag('do_pan_and_scan') === true)
    throw fields.unsupported('do_pan_and_scan', 'is true; cutting long pictures is not supported');
  const filter = resamplingOf(fields, 'bilinear');
  const normalization = normalizationOf(fields, STANDARD);
  const size = heightAndWidth(fields, 'size') ?? { height: imageSize, width: imageSize };
  if (size.height !== imageSize || size.width !== imageSize)
    throw fields.unsupported('size', `is ${shown(size.width)} x ${shown(size.height)}; the tower takes ${imageSize}`);
  return {
    mostTiles: 1,
    cut: () => ({ rows: 0, columns: 0, whole: true }),
    prepare(picture, checkAborted) {
      const pixels = new Float32Array(3 * imageSize ** 2);
      normalize(resized(picture, imageSize, imageSize, filter, { checkAborted }), normalization, pixels, 0);
      return { pixels, tiles: 1 };
    },
  };
}
