import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The cache folder, which takes converted and pulled models: the caller's choice, `FLASHROW_CACHE`, or the platform's
 * cache folder.
 */
export function cacheDirectory(chosen: string | undefined): string {
  const named = chosen ?? process.env.FLASHROW_CACHE;
  if (named) return resolve(named);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'flashrow');
  if (process.platform === 'win32')
    return join(process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'flashrow', 'Cache');
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flashrow');
}
