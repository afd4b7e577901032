import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlashrowError } from '../src/errors.js';

/** A file, or the files of a folder. */
export const filesOf = (path: string): string[] =>
  statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];

/** Flushes these files to the disk. */
export function flush(paths: readonly string[]): void {
  for (const path of paths) {
    const file = openSync(path, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

/**
 * Flushes these files and drops them from the page cache. A page in the cache is charged to the process that read it
 * first, so that a capped process would get it for nothing. Node has no posix_fadvise; `dd iflag=nocache count=0` is
 * the documented way of GNU to ask for it.
 */
export function dropFromPageCache(paths: readonly string[]): void {
  for (const path of paths) {
    const { status, stderr, error } = spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
    if (status !== 0)
      throw new FlashrowError('IO', `cannot drop ${path} from the page cache: ${error?.message ?? stderr.toString()}`);
  }
}
