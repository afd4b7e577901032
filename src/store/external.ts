import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileState } from '../disk/file-state.js';
import { closeFile, fileError, openFile, readExactly } from '../disk/files.js';
import { FlashrowError } from '../errors.js';
import type { ExternalFile, StoreFile } from './manifest.js';

const PIECE_BYTES = 1024 * 1024;

/** When a file was last written, ms since 1970. Throws NOT_FOUND or IO. */
export function modified(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Records a checkpoint file's present state, so that a later change is noticed. Throws NOT_FOUND, CORRUPT or IO. */
export function pinFile(file: { path: string; bytes: number; headerBytes: number }): StoreFile {
  const { headerBytes, bytes } = file;
  const { path } = fileState(file.path);
  const external = { path, mtimeMs: modified(path), headerBytes, digest: headerDigest(path, headerBytes) };
  return { name: basename(path), bytes, checksum: null, external };
}

/** Throws NOT_FOUND where an external file is gone, CORRUPT where it has changed since the store was made. */
export function checkPinned(external: ExternalFile, bytes: number): void {
  checkUntouched(external, bytes);
  const { path, headerBytes, digest } = external;
  if (headerDigest(path, headerBytes) !== digest) throw changed(path, 'it has another header', 0);
}

/**
 * Checks size and time only, which takes microseconds for each file. It serves a running model. Throws as
 * `checkPinned`.
 */
export function checkExternal(files: readonly StoreFile[]): void {
  for (const { external, bytes } of files) if (external !== null) checkUntouched(external, bytes);
}

function checkUntouched({ path, mtimeMs }: ExternalFile, bytes: number): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile())
    throw new FlashrowError(
      'NOT_FOUND',
      `${path} is gone, and the store's weights are in it; put it back, or convert the model again`,
      { file: basename(path), path, offset: 0 },
    );
  if (found.size !== bytes)
    throw changed(path, `it has ${found.size} bytes, not ${bytes}`, Math.min(found.size, bytes));
  if (found.mtimeMs !== mtimeMs)
    throw changed(path, `it was written at ${timeOf(found.mtimeMs)}, not ${timeOf(mtimeMs)}`, 0);
}

/** ISO 8601, to the microsecond. */
const timeOf = (ms: number): string =>
  new Date(ms).toISOString().replace(
    'Z',
    `${Math.floor((ms % 1) * 1000)
      .toString()
      .padStart(3, '0')}Z`,
  );

const changed = (path: string, how: string, offset: number) =>
  new FlashrowError(
    'CORRUPT',
    `${path} has changed since the store was made from it (${how}); load the model again, or convert it again`,
    {
      file: basename(path),
      path,
      offset,
    },
  );

function headerDigest(path: string, headerBytes: number): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(Math.min(headerBytes, PIECE_BYTES));
  const file = openFile(path);
  try {
    for (let offset = 0; offset < headerBytes; offset += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, headerBytes - offset));
      readExactly(file, offset, part);
      hash.update(part);
    }
  } finally {
    closeFile(file);
  }
  return hash.digest('hex');
}
