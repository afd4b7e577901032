import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { WritableFormat } from '../../native-bridge/formats.js';
import { convertModel } from '../../src/index.js';
import { dropFromPageCache, filesOf, flush } from '../page-cache.js';
import { writeRandomGguf } from './random-gguf.js';
import { writeRandomOpt } from './random-opt.js';
import type { NamedShape } from './shapes.js';

export type Log = (line: string) => void;

/** Makes the random model of a shape in a folder, once: a GGUF file, or the Hugging Face folder of an OPT. */
export function prepareCheckpoint(
  folder: string,
  { name, shape }: NamedShape,
  format: WritableFormat,
  log: Log,
): string {
  const isOpt = shape.family === 'opt';
  const path = join(folder, `${name}-${format}${isOpt ? '' : '.gguf'}`);
  if (existsSync(path)) return path;
  log(`writing random weights to ${path}`);
  mkdirSync(folder, { recursive: true });
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  if (isOpt) writeRandomOpt(partial, shape, format as 'f16' | 'f32');
  else writeRandomGguf(partial, shape, format);
  renameSync(partial, path);
  dropFromPageCache(filesOf(path));
  return path;
}

/**
 * Converts a checkpoint to `store`, once. The store is then on disk, and not in the page cache.
 */
export async function prepareStore(checkpoint: string, store: string, log: Log): Promise<void> {
  if (!existsSync(store)) {
    log(`converting ${checkpoint} to ${store}`);
    await convertModel(checkpoint, store);
  }
  flush(filesOf(store));
}
