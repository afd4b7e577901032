import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { freeBytes } from './free-bytes.js';
import { asWriteError, diskFull, notWritable, type Space } from './write-errors.js';

/** The stats of a file; null where there is none, also where a part of the path is no folder. */
export const statIfThere = (path: string): Stats | null => (existsSync(path) ? statSync(path) : null);

/**
 * The error for a refused change at `path` that writes next to nothing: DISK_FULL, NOT_WRITABLE or IO. Any other
 * failure stays as it is.
 */
export const asPlaceError = (error: unknown, path: string): unknown =>
  asWriteError(error, path, { neededBytes: 0, freeBytes: freeBytes(path) });

/** Makes a folder and those above it, with these rights. Throws DISK_FULL, NOT_WRITABLE or IO. */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    // Node's own recursive way says ENOENT where the file system is read-only, and never ends below /proc.
    if (!existsSync(path)) makeInOrder(path, mode);
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw asPlaceError(error, path);
  }
}

/**
 * The error for a place with too little space: NOT_WRITABLE where nothing can be written there at all, as below /proc,
 * which says that it has no space.
 */
export function lacksSpace(path: string, space: Space): FlashrowError {
  try {
    rmdirSync(mkdtempSync(join(nearestThatExists(path), '.flashrow-')));
  } catch (error) {
    const told = asWriteError(error, path, space);
    return told instanceof FlashrowError && told.code === 'DISK_FULL' ? told : notWritable(path, error as Error);
  }
  return diskFull(path, space);
}

function makeInOrder(path: string, mode: number): void {
  if (!existsSync(dirname(path))) makeInOrder(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Below /proc, whose folders nobody makes.
    if (code === 'ENOENT') throw notWritable(path, error as Error);
    // Another process may have been faster.
    if (code !== 'EEXIST') throw error;
  }
}

const nearestThatExists = (path: string): string => (existsSync(path) ? path : nearestThatExists(dirname(path)));
