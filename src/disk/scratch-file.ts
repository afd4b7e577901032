import { randomFillSync } from 'node:crypto';
import { statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { freeBytes } from './free-bytes.js';
import { asWriteError, diskFull } from './write-errors.js';

const PIECE_BYTES = 8 * 2 ** 20;

/**
 * Lends a file of `bytes` random bytes in `folder` to `work`, safe on disk, and removes it whatever happens.
 * Throws DISK_FULL before anything is written, NOT_WRITABLE or IO, and the signal's reason.
 */
export async function withScratchFile<T>(
  folder: string,
  bytes: number,
  { signal, onProgress }: { signal?: AbortSignal; onProgress: (done: number, total: number) => void },
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, `flashrow-doctor-${process.pid}.tmp`);
  const space = { neededBytes: bytes, freeBytes: freeBytes(path) };
  if (space.freeBytes < bytes) throw diskFull(folder, space);
  try {
    await fill(path, bytes, signal, onProgress).catch((error) => Promise.reject(asWriteError(error, path, space)));
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

async function fill(
  path: string,
  bytes: number,
  signal: AbortSignal | undefined,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, bytes));
  const file = await open(path, 'wx');
  try {
    for (let done = 0; done < bytes; done += piece.length) {
      signal?.throwIfAborted();
      await file.write(randomFillSync(piece), 0, Math.min(piece.length, bytes - done));
      onProgress(done, bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether `path` is a file or a folder. Throws NOT_FOUND. */
export function fileOrFolder(path: string): { kind: 'file' | 'folder'; bytes: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new FlashrowError('NOT_FOUND', `${path} does not exist; name a folder, or a large file to be read`, { path });
  return { kind: found.isDirectory() ? 'folder' : 'file', bytes: found.size };
}
