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
    removeLeftBehind(dirname(path), (name) => name === basename(path));
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

/**
 * Removes what killed processes left in a folder of files that `replaceFile` was to put there, of names that
 * `isTheirs` knows.
 */
export function removeLeftBehind(folder: string, isTheirs: (name: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const found = /^(.+)\.(\d+)\.partial$/.exec(name);
    if (!found || !isTheirs(found[1])) continue;
    const path = join(folder, name);
    if (isLeftBehind(path, Number(found[2]))) rmSync(path, { force: true });
  }
}
