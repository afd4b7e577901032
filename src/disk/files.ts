import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { FlashrowError, shown } from '../errors.js';

/** One `read` call moves at most this much; larger reads are split. */
const MAX_READ = 2 ** 30;

export interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
}

/** The error for a path that cannot be read: NOT_FOUND or IO. */
export function fileError(path: string, cause: unknown): FlashrowError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE')
    return new FlashrowError('NOT_FOUND', `${shown(path)} does not exist; check the path`, { path }, { cause });
  return new FlashrowError('IO', `${path} cannot be read: ${message}`, { path, errno: code ?? null }, { cause });
}

/** The kind of thing at a path, links followed; null where there is nothing. */
export function kindOf(path: string): 'file' | 'folder' | 'other' | null {
  try {
    const found = statSync(path);
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  } catch (cause) {
    const error = fileError(path, cause);
    if (error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

/** Opens an ordinary file for reading; pipes and devices are refused before they can block. */
export function openFile(path: string): OpenFile {
  const kind = kindOf(path);
  if (kind === null) throw new FlashrowError('NOT_FOUND', `${shown(path)} does not exist; check the path`, { path });
  if (kind !== 'file')
    throw new FlashrowError('UNSUPPORTED', `${path} is not an ordinary file; give one, or a copy`, { path });
  try {
    const fd = openSync(path, 'r');
    return { path, fd, size: fstatSync(fd).size };
  } catch (cause) {
    throw fileError(path, cause);
  }
}

export function closeFile(file: OpenFile): void {
  closeSync(file.fd);
}

/** Runs `use` over an open file and closes it whatever happens. */
export function withFile<T>(path: string, use: (file: OpenFile) => T): T {
  const file = openFile(path);
  try {
    return use(file);
  } finally {
    closeFile(file);
  }
}

/** Fills `into` from `offset` on. Throws CORRUPT where the file ends before, IO where the read fails. */
export function readExactly(file: OpenFile, offset: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    let read: number;
    try {
      read = readSync(file.fd, into, done, Math.min(into.length - done, MAX_READ), offset + done);
    } catch (error) {
      throw fileError(file.path, error);
    }
    if (read === 0)
      throw new FlashrowError(
        'CORRUPT',
        `${file.path} ends at byte ${offset + done}, where ${into.length - done} more were expected; fetch the file again`,
        { path: file.path, offset: offset + done },
      );
    done += read;
  }
}
