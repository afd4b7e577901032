import { accessSync, constants, existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { freeBytes } from './free-bytes.js';
import { asWriteError } from './write-errors.js';

/** Of a file, or null where there is none, be it because a part of the path is no folder. */
export const statIfThere = (path: string): Stats | null => (existsSync(path) ? statSync(path) : null);

/**
 * A refusal to change what is at `path`, where nothing of any size is written: DISK_FULL, NOT_WRITABLE or IO; any other
 * failure as it is.
 */
export const asPlaceError = (error: unknown, path: string): unknown =>
  asWriteError(error, path, { neededBytes: 0, freeBytes: freeBytes(path) });

/** Makes a folder and those above it. Throws DISK_FULL, NOT_WRITABLE or IO. */
export function makeFolder(path: string): void {
  try {
    // Node's own recursive way says ENOENT where the file system is read-only.
    accessSync(nearestThatExists(path), constants.W_OK);
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw asPlaceError(error, path);
  }
}

const nearestThatExists = (path: string): string => (existsSync(path) ? path : nearestThatExists(dirname(path)));
