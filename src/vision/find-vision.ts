import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { kindOf } from '../disk/files.js';
import { FlashrowError } from '../errors.js';
import { CONFIG_FILE } from '../import/hugging-face.js';
import { parseObject, readSmallFile } from '../import/json.js';
import { ggufFilesIn } from '../import/odd-folders.js';
import { checkFitting, type TextHalf } from './fitting.js';
import { mmprojsNear } from './mmproj/mmproj-names.js';
import { openVision, readsPicturesOf } from './open-vision.js';

const MAX_CONFIG_BYTES = 4 * 2 ** 20;

/**
 * Where the eyes of a model are that come with them: its own folder, or an mmproj file beside a GGUF file. Null where
 * there are none that are known here, or where they do not go with the text half; null for any.
 */
export function findVision(model: string, text: TextHalf | null): string | null {
  const kind = kindOf(model);
  if (kind === 'file') return besideFile(model, text);
  const config = join(model, CONFIG_FILE);
  if (kind !== 'folder') return null;
  if (kindOf(config) !== 'file') {
    const [file, ...others] = ggufFilesIn(model);
    return file !== undefined && others.length === 0 ? besideFile(file, text) : null;
  }
  const { architectures } = parseObject(readSmallFile(config, MAX_CONFIG_BYTES), config);
  return Array.isArray(architectures) && readsPicturesOf(architectures[0]) ? model : null;
}

function besideFile(model: string, text: TextHalf | null): string | null {
  for (const found of mmprojsNear(model.replaceAll(sep, '/'), (folder) => readdirSync(folder)))
    if (fits(found, text)) return found;
  return null;
}

/** A file that only lies there is not to keep a model from running without it. */
function fits(path: string, text: TextHalf | null): boolean {
  try {
    if (kindOf(path) !== 'file') return false;
    const eyes = openVision(path);
    if (text) checkFitting(path, eyes, text);
    return true;
  } catch (error) {
    if (error instanceof FlashrowError && error.code !== 'IO') return false;
    throw error;
  }
}
