import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import type { Normalization } from './normalize.js';
import { RESAMPLING, type Resampling } from './resize.js';

/** Fields that say nothing about what becomes of a picture. */
const NAMES = [
  ...['image_processor_type', 'feature_extractor_type', 'processor_class', 'auto_map', 'transformers_version'],
  ...['data_format', 'input_data_format', 'device', 'return_tensors', 'disable_grouping', 'default_to_square'],
  ...['image_token', 'patch_size', 'num_additional_image_tokens', 'vision_feature_select_strategy', 'image_seq_len'],
  ...['image_seq_length', 'chat_template', '_valid_processor_keys', 'return_metadata'],
];

/** The fields that every processor here reads. */
const COMMON = [
  ...['do_resize', 'size', 'resample', 'do_rescale', 'rescale_factor', 'do_normalize', 'image_mean', 'image_std'],
  'do_convert_rgb',
];

/** Throws UNSUPPORTED for a field that is not known, as it may change what the model sees. Null counts as absent. */
export function refuseUnknownFields(fields: Fields, names: readonly string[], own: readonly string[]): void {
  for (const name of names)
    if (fields.raw(name) !== undefined && ![...NAMES, ...COMMON, ...own].includes(name))
      throw fields.unsupported(name, `is ${shown(fields.raw(name))}, a step that is not known here`);
}

/** Throws UNSUPPORTED where a step that is always done is switched off. */
export function requireSteps(fields: Fields, steps: readonly string[]): void {
  for (const step of steps)
    if (fields.flag(step) === false) throw fields.unsupported(step, 'is false; pictures are read only with this step');
}

/** The filter of `resample`. Throws UNSUPPORTED. */
export function resamplingOf(fields: Fields, usual: Resampling): Resampling {
  const number = fields.raw('resample');
  if (number === undefined) return usual;
  const found = RESAMPLING[number as keyof typeof RESAMPLING];
  if (found === undefined)
    throw fields.unsupported(
      'resample',
      `is ${shown(number)}; supported: ${Object.entries(RESAMPLING)
        .map(([key, name]) => `${key} (${name})`)
        .join(', ')}`,
    );
  return found;
}

/** Scaling, mean and deviation. `usual` is the mean and the deviation of the class. */
export function normalizationOf(fields: Fields, usual: Pick<Normalization, 'mean' | 'deviation'>): Normalization {
  const factor = fields.flag('do_rescale') === false ? 1 : fields.positive('rescale_factor', 1 / 255);
  if (fields.flag('do_normalize') === false) return { factor, mean: [0, 0, 0], deviation: [1, 1, 1] };
  return {
    factor,
    mean: threeNumbers(fields, 'image_mean', usual.mean),
    deviation: threeNumbers(fields, 'image_std', usual.deviation),
  };
}

function threeNumbers(fields: Fields, key: string, usual: readonly number[]): readonly number[] {
  const value = fields.raw(key) ?? usual;
  const sound = (number: unknown) => Number.isFinite(number) && (key === 'image_mean' || (number as number) > 0);
  if (!Array.isArray(value) || value.length !== 3 || !value.every(sound))
    throw fields.corrupt(key, `is ${shown(value)}; it should be three numbers, for red, green and blue`);
  return value;
}

/** Height and width, from {height, width} or one number for both; null where `key` says something else. */
export function heightAndWidth(fields: Fields, key: string): { height: number; width: number } | null {
  if (typeof fields.raw(key) === 'number') return { height: fields.size(key), width: fields.size(key) };
  const size = fields.object(key);
  if (size === null || size.raw('height') === undefined || size.raw('width') === undefined) return null;
  return { height: size.size('height'), width: size.size('width') };
}
