import { randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lockFile } from '../../native-bridge/index.js';
import { FlashrowError } from '../errors.js';
import { lacksSpace, makeFolder } from './folders.js';
import { freeBytes } from './free-bytes.js';
import { isLeftBehind } from './left-behind.js';
import { asWriteError } from './write-errors.js';

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
  for (const left of leftScratchFiles(folder)) await rm(left, { recursive: true, force: true });
  const path = join(folder, `flashrow-doctor-${process.pid}.tmp`);
  const space = { neededBytes: bytes, freeBytes: freeBytes(path) };
  if (space.freeBytes < bytes) throw lacksSpace(folder, space);
  const file = await open(path, 'wx').catch((error) => Promise.reject(asWriteError(error, path, space)));
  try {
    // While the kernel keeps it locked, it is not taken for one that was left behind.
    lockFile(file.fd);
    await fill(file, bytes, signal, onProgress).catch((error) => Promise.reject(asWriteError(error, path, space)));
    return await work(path);
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/**
 * Lends an empty folder in `folder` to `work`, and removes it whatever happens. `purpose` is in its name.
 * Throws NOT_WRITABLE, DISK_FULL or IO.
 */
export async function withScratchFolder<T>(
  folder: string,
  purpose: 'headers' | 'compare',
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, `flashrow-${purpose}-${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  try {
    makeFolder(folder);
    for (const left of leftScratchFiles(folder)) rmSync(left, { recursive: true, force: true });
    mkdirSync(path);
  } catch (error) {
    throw asWriteError(error, path, { neededBytes: 0, freeBytes: freeBytes(path) });
  }
  const lock = openLocked(path);
  try {
    return await work(path);
  } finally {
    if (lock !== null) closeSync(lock);
    rmSync(path, { recursive: true, force: true });
  }
}

/** Null where folders cannot be opened, as on Windows. */
function openLocked(folder: string): number | null {
  try {
    const file = openSync(folder, 'r');
    lockFile(file);
    return file;
  } catch {
    return null;
  }
}

const SCRATCH_NAME = /^flashrow-(?:doctor|headers|compare)-(\d+)(?:-\w+)?\.tmp$/;

/** Files and folders in a folder that processes left which were killed at their work. */
export function leftScratchFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => SCRATCH_NAME.test(name))
    .map((name) => join(folder, name))
    .filter((path) => isLeftBehind(path, Number(SCRATCH_NAME.exec(basename(path))![1])));
}

async function fill(
  file: FileHandle,
  bytes: number,
  signal: AbortSignal | undefined,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, bytes));
  for (let done = 0; done < bytes; done += piece.length) {
    signal?.throwIfAborted();
    await file.write(randomFillSync(piece), 0, Math.min(piece.length, bytes - done));
    onProgress(done, bytes);
  }
  await file.sync();
}

/** Whether `path` is a file or a folder. Throws NOT_FOUND. */
export function fileOrFolder(path: string): { kind: 'file' | 'folder'; bytes: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new FlashrowError('NOT_FOUND', `${path} does not exist; name a folder, or a large file to be read`, { path });
  return { kind: found.isDirectory() ? 'folder' : 'file', bytes: found.size };
}
