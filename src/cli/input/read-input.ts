import { fstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { FlashrowError } from '../../errors.js';

/** U+FEFF at the beginning of a file: a mark of its encoding. */
export const BYTE_ORDER_MARK = '\ufeff';

/** The text of a file in UTF-8, or of stdin for `-`, without a byte order mark. */
export async function readText(option: string, path: string): Promise<string> {
  const text = await readExactText(option, path);
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** The bytes of a file, or of stdin for `-`, as text: UTF-8 taken as it is, a byte order mark included. */
export async function readExactText(option: string, path: string): Promise<string> {
  const bytes =
    path === '-'
      ? await buffer(process.stdin)
      : await readFile(path).catch((error) => Promise.reject(unreadable(option, path, error)));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const isUtf16 = ['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex'));
    const found = isUtf16 ? 'UTF-16, not UTF-8' : 'not valid UTF-8';
    throw new FlashrowError('BAD_USAGE', `${option} ${path}: ${found}; convert the text first`, { option, path });
  }
}

/** True where a file, a pipe or a socket is connected to stdin; false for a terminal, /dev/null, or nothing. */
export function stdinIsGiven(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    return false;
  }
}

function unreadable(option: string, path: string, error: NodeJS.ErrnoException): FlashrowError {
  const details = { option, path };
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return new FlashrowError('NOT_FOUND', `${option} ${path}: there is no such file`, details);
  if (error.code === 'EISDIR')
    return new FlashrowError('BAD_USAGE', `${option} ${path}: a folder, not a file`, details);
  return new FlashrowError('IO', `${option} ${path}: ${error.message}`, details, { cause: error });
}
