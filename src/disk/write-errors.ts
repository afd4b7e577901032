import { FlashrowError } from '../errors.js';
import { formatBytes } from './format-bytes.js';

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ENAMETOOLONG'];

/** What helps where a place cannot be written: most of what is written goes to the cache folder. */
const USUAL_ADVICE = 'choose a place that can be written (`cacheDir` for the cache folder)';

/** Space a write needs, and what was free when it began. */
export interface Space {
  neededBytes: number;
  freeBytes: number;
}

/**
 * The DISK_FULL error. `cause` is the file system's own error where a write failed: quotas and limits on a file's size
 * do not show in the free space.
 */
export function diskFull(path: string, space: Space, cause?: Error): FlashrowError {
  const told = cause === undefined ? '' : ` (${cause.message})`;
  const message = `${path} needs ${formatBytes(space.neededBytes)}, ${formatBytes(space.freeBytes)} were free${told}; make room or choose another place (\`cacheDir\` for the cache folder)`;
  return new FlashrowError('DISK_FULL', message, { path, ...space }, { cause });
}

export function notWritable(path: string, cause: Error, advice = USUAL_ADVICE): FlashrowError {
  const message = `cannot write ${path}: ${cause.message}; ${advice}`;
  const { code = null } = cause as NodeJS.ErrnoException;
  return new FlashrowError('NOT_WRITABLE', message, { path, errno: code }, { cause });
}

/**
 * The error, in flashrow's codes, for a file system's refusal to write below `path`. Any other failure stays as it is.
 * `advice` says what helps.
 */
export function asWriteError(error: unknown, path: string, space: Space, advice?: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof FlashrowError || typeof code !== 'string') return error;
  if (FULL.includes(code)) return diskFull(path, space, error as Error);
  if (REFUSED.includes(code)) {
    return notWritable(path, error as Error, advice);
  }
  if (!code.startsWith('E') || code.startsWith('ERR_')) return error;
  return new FlashrowError('IO', `cannot write ${path}: ${message}`, { path, errno: code }, { cause: error });
}
