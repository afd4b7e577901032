import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cutName, MAX_NAME_BYTES } from '../disk/cut-name.js';
import { asPlaceError, makeFolder } from '../disk/folders.js';
import { type Lock, takeLock } from '../disk/lock.js';
import { repoFolder } from './pulled.js';

/**
 * The lock of the model whose first file is `first`. It lies beside the repository's folder. No repository's name
 * begins with a dot or holds a `+`, so it cannot be taken for one. Where the name is too long, it is cut, and ends in
 * digits of its digest.
 */
function lockPath(cacheDir: string, repo: string, first: string): string {
  const folder = repoFolder(cacheDir, repo);
  const name = `${lockStart(folder)}${basename(first)}`;
  const cut = cutName(name, MAX_NAME_BYTES - LOCK_END.length);
  if (cut === name) return join(dirname(folder), `${name}${LOCK_END}`);
  const end = `-${createHash('sha256').update(name).digest('hex').slice(0, 12)}${LOCK_END}`;
  return join(dirname(folder), `${cutName(name, MAX_NAME_BYTES - end.length)}${end}`);
}

const LOCK_END = '.lock';
const lockStart = (folder: string) => `.${basename(folder)}+`;

/**
 * Runs `work` while no other process pulls or removes this model. Throws BUSY where one does, DISK_FULL, NOT_WRITABLE.
 */
export async function whileLocked<T>(
  cacheDir: string,
  repo: string,
  first: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = lockPath(cacheDir, repo, first);
  makeFolder(dirname(path));
  const lock = take(path, repo);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Removes the locks that killed pulls left behind, those of the model whose first file is `first`, or all of a
 * repository (null).
 * Throws BUSY while a live pull holds one.
 */
export function dropLocks(cacheDir: string, repo: string, first: string | null): void {
  const folder = repoFolder(cacheDir, repo);
  const parent = dirname(folder);
  const all = existsSync(parent) ? readdirSync(parent).filter((name) => name.startsWith(lockStart(folder))) : [];
  const paths = first === null ? all.map((name) => join(parent, name)) : [lockPath(cacheDir, repo, first)];
  const left = paths.filter((path) => existsSync(path));
  for (const lock of left.map((path) => take(path, repo))) lock.release();
}

function take(path: string, repo: string): Lock {
  try {
    return takeLock(path, `pulling ${repo}`);
  } catch (error) {
    throw asPlaceError(error, path);
  }
}
