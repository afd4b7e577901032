import { FlashrowError } from '../errors.js';

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ENAMETOOLONG'];

/** Space a write needs, and what was free when it began. */
export interface Space {
  neededBytes: number;
  freeBytes: number;
}

/**
 * `cause` is the file system's own word, where it came to that: quotas and limits on a file's size read as free space.
 */
export function diskFull(path: string, space: Space, cause?: Error): FlashrowError {
  const told = cause === undefined ? '' : ` (${cause.message})`;
  const message = `${path} needs ${space.neededBytes} bytes, ${space.freeBytes} were free${told}; make room or choose another place`;
  return new FlashrowError('DISK_FULL', message, { path, ...space }, { cause });
}

/** A file system's refusal to write below `path`, in flashrow's codes; any other failure as it is. */
export function asWriteError(error: unknown, path: string, space: Space): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof FlashrowError || typeof code !== 'string') return error;
  if (FULL.includes(code)) return diskFull(path, space, error as Error);
  if (REFUSED.includes(code)) {
    const advice = `cannot write ${path}: ${message}; choose a place that can be written`;
    return new FlashrowError('NOT_WRITABLE', advice, { path, errno: code }, { cause: error });
  }
  if (!code.startsWith('E') || code.startsWith('ERR_')) return error;
  return new FlashrowError('IO', `cannot write ${path}: ${message}`, { path, errno: code }, { cause: error });
}
