import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import { openFolder } from '../import/hugging-face.js';
import { parseObject, readSmallFile } from '../import/json.js';
import { Fields } from '../model/fields.js';
import { openMmproj } from './mmproj/open-mmproj.js';
import { ferretVision } from './models/ferret.js';
import { gemma3Vision } from './models/gemma3.js';
import { idefics3Vision } from './models/idefics3.js';
import { llavaVision } from './models/llava.js';
import { qwen3VlVision } from './models/qwen3-vl.js';
import { TowerTensors } from './tower/tower-tensors.js';
import type { Eyes, TokenIds, VisionModel, VisionSource } from './vision-model.js';

/** Models with eyes by their class in config.json. */
const CLASSES: Readonly<Record<string, (source: VisionSource) => Eyes>> = {
  LlavaForConditionalGeneration: llavaVision,
  FERRETLlamaForCausalLM: ferretVision,
  Gemma3ForConditionalGeneration: gemma3Vision,
  Idefics3ForConditionalGeneration: idefics3Vision,
  SmolVLMForConditionalGeneration: idefics3Vision,
  Qwen3VLForConditionalGeneration: qwen3VlVision,
};

/** Those that always see pictures in one way, which no file says. */
const WITHOUT_PROCESSOR: readonly string[] = ['FERRETLlamaForCausalLM'];

/** An id that no prompt has. */
const UNKNOWN_ID = -1;
const MAX_CONFIG_BYTES = 2 ** 20;

/** Whether pictures are read of a class that config.json names. */
export const readsPicturesOf = (name: unknown): name is string =>
  typeof name === 'string' && Object.hasOwn(CLASSES, name);

/**
 * The eyes of a Hugging Face folder, or of an mmproj file, from headers. `ids` knows the tokens of the text model,
 * which such a file does not name; without it the eyes tell sizes, and no ids. Throws UNSUPPORTED for a folder or file
 * without, or with others than are known here; NOT_FOUND, CORRUPT or IO.
 */
export function openVision(path: string, ids: TokenIds = () => UNKNOWN_ID): VisionModel {
  const kind = kindOf(path);
  if (kind === null)
    throw new FlashrowError('NOT_FOUND', `${shown(path)} does not exist; check the path of the vision tower`, { path });
  return kind === 'file' ? openMmproj(path, ids) : openFolderVision(path);
}

function openFolderVision(path: string): VisionModel {
  const { config, tensors, digest } = openFolder(path);
  const classes = config.raw('architectures');
  const wanted = Array.isArray(classes) ? classes[0] : classes;
  if (!readsPicturesOf(wanted))
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} is of architecture ${shown(wanted)}, of which no pictures are read; they are of ${Object.keys(CLASSES).join(', ')}`,
      { path, architecture: wanted, supported: Object.keys(CLASSES) },
    );
  const whole = objectIn(path, 'processor_config.json') ?? {};
  const own = objectIn(path, 'preprocessor_config.json') ?? nested(whole);
  if (own === null && !WITHOUT_PROCESSOR.includes(wanted))
    throw new FlashrowError(
      'NOT_FOUND',
      `${join(path, 'preprocessor_config.json')} is missing, which says how the model sees pictures; fetch it too`,
      { path },
    );
  const eyes = CLASSES[wanted]({
    path,
    config,
    processor: {
      fields: Fields.of(join(path, 'preprocessor_config.json'), own ?? {}),
      names: Object.keys(own ?? {}),
    },
    whole: Fields.of(join(path, 'processor_config.json'), whole),
    tensors: new TowerTensors(path, tensors),
  });
  return { ...eyes, digest };
}

function objectIn(folder: string, name: string): Record<string, unknown> | null {
  const path = join(folder, name);
  return existsSync(path) ? parseObject(readSmallFile(path, MAX_CONFIG_BYTES), path) : null;
}

/** Newer folders have the fields of the pictures' processor within those of the whole. */
function nested(whole: Record<string, unknown>): Record<string, unknown> | null {
  const found = whole.image_processor;
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null;
}
