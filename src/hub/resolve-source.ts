import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheDirectory } from '../disk/cache-dir.js';
import { FlashrowError } from '../errors.js';
import { isStore, isUnfinished, openStore } from '../store/reader.js';
import { parseModelName } from './model-name.js';
import { pulledPath } from './pulled.js';

/**
 * The path of a source. A path stays as it is; the name of a pulled model, or of a store in the cache folder, becomes
 * its path. Throws NOT_FOUND for a name on a hub that was not pulled and for an unfinished store, BAD_USAGE for a tag
 * that was not pulled. Any other text is returned as it is: the code that opens it will refuse it.
 */
export function resolveSource(source: string, cacheDir: string | undefined): string {
  // What opens it says how the conversion goes on.
  if (isUnfinished(source)) return openStore(source).path;
  if (existsSync(source)) return source;
  const cache = cacheDirectory(cacheDir);
  const name = parseModelName(source);
  if (!name) {
    if (basename(source) !== source) return source;
    const store = join(cache, source);
    if (isUnfinished(store)) return openStore(store).path;
    return isStore(store) ? store : source;
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
