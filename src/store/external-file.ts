import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { FlashrowError } from '../errors.js';
import type { Checkpoint } from '../import/checkpoint.js';
import { fileError } from '../import/files.js';
import type { StoreFile } from './manifest.js';

/** A checkpoint's file as a store will go on reading it, pinned as it is now. Throws NOT_FOUND or IO. */
export function pinFile({ path, bytes, headerBytes }: Checkpoint['files'][number]): StoreFile {
  const absolute = resolve(path);
  try {
    const { mtimeMs } = statSync(absolute);
    const headerDigest = digestOf(absolute, headerBytes);
    const external = { path: absolute, modifiedMs: mtimeMs, headerBytes, headerDigest };
    return { name: basename(path), bytes, checksum: 0, external };
  } catch (error) {
    throw fileError(absolute, error);
  }
}

/** Throws NOT_FOUND where an external file is gone, CORRUPT where it is not what it was, IO where it cannot be read. `folder` is the store's. */
export function checkPinned({ bytes, external }: StoreFile, folder: string): void {
  const { path, modifiedMs, headerBytes, headerDigest } = external!;
  const advice = `put it back as it was, or delete ${folder} and open the model again`;
  let same: boolean;
  try {
    const found = statSync(path);
    same = found.size === bytes && found.mtimeMs === modifiedMs && digestOf(path, headerBytes) === headerDigest;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const kind = code === 'ENOENT' || code === 'ENOTDIR' ? 'NOT_FOUND' : 'IO';
    const problem = `${path}, which the experts of ${folder} are read from, cannot be opened: ${message}`;
    throw new FlashrowError(kind, `${problem}; ${advice}`, { file: path, offset: 0 }, { cause });
  }
  if (same) return;
  const problem = `${path}, which the experts of ${folder} are read from, has changed`;
  throw new FlashrowError('CORRUPT', `${problem}; ${advice}`, { file: path, offset: 0 });
}

function digestOf(path: string, headerBytes: number): string {
  const header = Buffer.alloc(headerBytes);
  const file = openSync(path, 'r');
  try {
    for (let done = 0, read = 1; done < headerBytes && read > 0; done += read) {
      read = readSync(file, header, done, headerBytes - done, done);
    }
  } finally {
    closeSync(file);
  }
  return createHash('sha256').update(header).digest('hex');
}
