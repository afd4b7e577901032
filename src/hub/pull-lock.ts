import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asPlaceError, makeFolder } from '../disk/folders.js';
import { takeLock } from '../disk/lock.js';
import { FlashrowError } from '../errors.js';
import { repoFolder } from './pulled.js';

/** Beside the repository's folder, for the model that `first` is the first file of. No repository's name begins with a dot or holds a `+`. */
function lockPath(cacheDir: string, repo: string, first: string): string {
  const folder = repoFolder(cacheDir, repo);
  return join(dirname(folder), `${lockStart(folder)}${basename(first)}.lock`);
}

const lockStart = (folder: string) => `.${basename(folder)}+`;

/** Runs `work` while no other process pulls or removes this model. Throws BUSY where one does, DISK_FULL, NOT_WRITABLE. */
export async function whileLocked<T>(
  cacheDir: string,
  repo: string,
  first: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = lockPath(cacheDir, repo, first);
  makeFolder(dirname(path));
  take(path, repo);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Takes away the locks that killed pulls of a repository, or of one model of it, left. Throws BUSY where a live one holds one. */
export function dropLocks(cacheDir: string, repo: string, first: string | null): void {
  const folder = repoFolder(cacheDir, repo);
  const parent = dirname(folder);
  const all = existsSync(parent) ? readdirSync(parent).filter((name) => name.startsWith(lockStart(folder))) : [];
  const paths = first === null ? all.map((name) => join(parent, name)) : [lockPath(cacheDir, repo, first)];
  const left = paths.filter((path) => existsSync(path));
  for (const path of left) take(path, repo);
  for (const path of left) rmSync(path);
}

function take(path: string, repo: string): void {
  try {
    takeLock(path);
  } catch (error) {
    if (error instanceof FlashrowError && error.code === 'BUSY') {
      const { pid } = error.details;
      const holder = pid === undefined ? 'another process' : `process ${pid}`;
      throw new FlashrowError('BUSY', `${holder} is pulling ${repo} already; wait until it is done`, {
        ...error.details,
        repo,
      });
    }
    throw asPlaceError(error, path);
  }
}
