import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';

/**
 * Puts what `write` writes in the place of a file, safe on disk: `path` is there whole, or as it was. Throws what the
 * file system or `write` throws, and leaves nothing behind. `wx` refuses where the file beside it is there already.
 */
export function replaceFile(path: string, write: (file: number) => void, flags: 'w' | 'wx' = 'w'): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    const file = openSync(partial, flags);
    try {
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
