import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheDirectory } from '../disk/cache-dir.js';
import { FlashrowError } from '../errors.js';
import { isStore } from '../store/reader.js';
import { parseModelName } from './model-name.js';
import { pulledPath } from './pulled.js';

/**
 * A path as it is; the name of a model that was pulled, or of a store in the cache folder, as the path it is at.
 * Anything else is left for whoever opens it to refuse, but for what looks like a model on a hub: NOT_FOUND. Throws
 * BAD_USAGE for a tag that was not pulled.
 */
export function resolveSource(source: string, cacheDir: string | undefined): string {
  if (existsSync(source)) return source;
  const cache = cacheDirectory(cacheDir);
  const name = parseModelName(source);
  if (!name) {
    const store = join(cache, source);
    return basename(source) === source && isStore(store) ? store : source;
  }
  const pulled = pulledPath(cache, name);
  if (pulled === null && !existsSync(dirname(source)))
    throw new FlashrowError(
      'NOT_FOUND',
      `${source} is neither a path here nor a model that was pulled completely; if the Hugging Face hub has it, pull it first`,
      { source, remedy: { action: 'pull', model: source } },
    );
  return pulled ?? source;
}
