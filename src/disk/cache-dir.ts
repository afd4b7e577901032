import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { FlashrowError, shown } from '../errors.js';
import { beginsWithTilde, TILDE_ADVICE } from './tilde.js';

/**
 * The cache folder, which takes converted and pulled models: the caller's choice, `FLASHROW_CACHE`, or the platform's
 * cache folder. Throws BAD_USAGE for a path that begins with ~.
 */
export function cacheDirectory(chosen: string | undefined): string {
  const named = chosen ?? process.env.FLASHROW_CACHE;
  if (named && beginsWithTilde(named)) {
    const option = chosen === undefined ? 'FLASHROW_CACHE' : 'cacheDir';
    throw new FlashrowError('BAD_USAGE', `${option} is the path of a folder, not ${shown(named)}: ${TILDE_ADVICE}`, {
      option,
      value: named,
    });
  }
  if (named) return resolve(named);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'flashrow');
  if (process.platform === 'win32')
    return join(process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'flashrow', 'Cache');
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flashrow');
}
