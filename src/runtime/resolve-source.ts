import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { FlashrowError } from '../errors.js';
import { parseModelName } from '../hub/model-name.js';
import { pulledPath } from '../hub/pulled.js';
import { cacheDirectory } from '../store/cache-dir.js';

/**
 * A path as it is; the name of a model that was pulled as the path it is at. Anything else is left for whoever opens it to refuse, but for what looks like
 * a model on a hub: NOT_FOUND. Throws BAD_USAGE for a tag that was not pulled.
 */
export function resolveSource(source: string, cacheDir: string | undefined): string {
  const name = existsSync(source) ? null : parseModelName(source);
  if (!name) return source;
  const pulled = pulledPath(cacheDirectory(cacheDir), name);
  if (pulled === null && !existsSync(dirname(source)))
    throw new FlashrowError(
      'NOT_FOUND',
      `${source} is no path here, and no model that was pulled; \`flashrow pull ${source}\` fetches it, if it is one of the Hugging Face hub`,
      { source },
    );
  return pulled ?? source;
}
