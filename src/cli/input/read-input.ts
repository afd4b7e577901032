import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { FlashrowError } from '../../errors.js';

/** The bytes of a file, or of stdin for `-`, as text: UTF-8 taken as it is, a byte order mark included. */
export async function readText(option: string, path: string): Promise<string> {
  const bytes =
    path === '-'
      ? await buffer(process.stdin)
      : await readFile(path).catch((error) => Promise.reject(unreadable(option, path, error)));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FlashrowError('BAD_USAGE', `${option} ${path}: not valid UTF-8; convert the text first`, {
      option,
      path,
    });
  }
}

function unreadable(option: string, path: string, error: NodeJS.ErrnoException): FlashrowError {
  const details = { option, path };
  if (error.code === 'ENOENT')
    return new FlashrowError('NOT_FOUND', `${option} ${path}: there is no such file`, details);
  if (error.code === 'EISDIR')
    return new FlashrowError('BAD_USAGE', `${option} ${path}: a folder, not a file`, details);
  return new FlashrowError('IO', `${option} ${path}: ${error.message}`, details, { cause: error });
}
