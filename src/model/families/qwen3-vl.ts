import { shown } from '../../errors.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import type { Fields } from '../fields.js';
import type { ModelSpec, RotarySpec } from '../spec.js';
import { QWEN3 } from './qwen3.js';
import { QWEN3_MOE } from './qwen3-moe.js';
import { withTextHalf } from './text-half.js';

/** Qwen3-VL turns by rows and columns of pictures, too. Absent fields are as in transformers' class. */
const SECTIONS = [24, 20, 20];

/** Rotary positions with the sections under `key`. Throws CORRUPT. */
function withSections(fields: Fields, key: string, rotary: RotarySpec): Pick<ModelSpec, 'rotary'> {
  const found = fields.raw(key) ?? SECTIONS;
  const pairs = rotary.dimension / 2;
  const sound = (size: unknown) => Number.isInteger(size) && (size as number) >= 0 && (size as number) <= pairs;
  if (!Array.isArray(found) || found.length < 3 || !found.every(sound))
    throw fields.corrupt(
      key,
      `is ${shown(found)}; it should say how many of ${pairs} pairs turn by time, row and column`,
    );
  return { rotary: { ...rotary, sections: found.slice(0, 3) } };
}

const EYES = {
  huggingFaceClasses: [],
  huggingFace: {
    defaults: { rope_theta: 5e6 },
    traits(config, { rotary }) {
      const scaling = config.object('rope_parameters') ?? config.object('rope_scaling');
      if (scaling?.flag('mrope_interleaved') === false)
        throw scaling.unsupported('mrope_interleaved', 'is false; only pairs that take turns are supported');
      return withSections(scaling ?? config, 'mrope_section', rotary!);
    },
  },
  ggufTraits: (metadata, key, { rotary }) => withSections(metadata, key('rope.dimension_sections'), rotary!),
} as const satisfies Partial<DecoderFamily>;

/** The text half of Qwen3-VL (arXiv 2511.21631): Qwen 3, with positions of three parts. */
export const qwen3Vl = withTextHalf(
  decoder({ ...QWEN3, ...EYES, architecture: 'qwen3-vl', ggufName: 'qwen3vl' }),
  'Qwen3VLForConditionalGeneration',
);

/** The text half of its mixtures, from GGUF files. */
export const qwen3VlMoe = decoder({ ...QWEN3_MOE, ...EYES, architecture: 'qwen3-vl-moe', ggufName: 'qwen3vlmoe' });
