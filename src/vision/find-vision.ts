import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_FILE } from '../import/hugging-face.js';
import { parseObject, readSmallFile } from '../import/json.js';
import { readsPicturesOf } from './open-vision.js';

const MAX_CONFIG_BYTES = 4 * 2 ** 20;

/** Where the eyes of a model are that comes with them; null where it has none that are known here. */
export function findVision(model: string): string | null {
  const config = join(model, CONFIG_FILE);
  if (!existsSync(config) || !statSync(model).isDirectory()) return null;
  const { architectures } = parseObject(readSmallFile(config, MAX_CONFIG_BYTES), config);
  return Array.isArray(architectures) && readsPicturesOf(architectures[0]) ? model : null;
}
