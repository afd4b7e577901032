import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lockFile } from '../../native-bridge/index.js';
import { isLeftBehind } from './left-behind.js';

/**
 * Puts what `write` writes in the place of a file, safe on disk: `path` is there whole, or as it was. Throws what the
 * file system or `write` throws, and leaves nothing behind; what a killed process left, the next one removes. `wx`
 * refuses where the file beside it is there already.
 */
export function replaceFile(path: string, write: (file: number) => void, flags: 'w' | 'wx' = 'w'): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    removeLeft(path);
    const file = openSync(partial, flags);
    try {
      // While the kernel keeps it locked, it is not taken for one that was left behind.
      lockFile(file);
      write(file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** Removes what processes that were killed have written for the same file. */
function removeLeft(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(basename(path)) && /^\.(\d+)\.partial$/.exec(name.slice(basename(path).length));
    if (pid && isLeftBehind(join(folder, name), Number(pid[1]))) rmSync(join(folder, name), { force: true });
  }
}
