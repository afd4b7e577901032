import { readExactly, withFile } from '../disk/files.js';
import { FlashrowError } from '../errors.js';
import { refuseStandIn } from './odd-files.js';

/** A whole small file. Throws CORRUPT where it has more than `maxBytes` bytes. */
export function readSmallFile(path: string, maxBytes: number): Uint8Array {
  return withFile(path, (file) => {
    if (file.size > maxBytes)
      throw new FlashrowError('CORRUPT', `${path} has ${file.size} bytes; at most ${maxBytes} make sense`, { path });
    const bytes = new Uint8Array(file.size);
    readExactly(file, 0, bytes);
    return bytes;
  });
}

/** UTF-8 text. `where` is its name in messages. Throws CORRUPT. */
export function parseText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FlashrowError('CORRUPT', `${where} is not UTF-8 text`, { path: where }, { cause });
  }
}

/** A text in quotes, or what Python writes for floats that JSON has no word for. */
const STRING_OR_FLOAT = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/**
 * JSON, or JSON with Python's `Infinity` and `NaN`, which become `{"__float__": "Infinity"}`, as transformers 5 writes.
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const spelled = text.replace(STRING_OR_FLOAT, (found) =>
      found.startsWith('"') ? found : `{"__float__":"${found}"}`,
    );
    if (spelled === text) throw error;
    return JSON.parse(spelled);
  }
}

/** A JSON object. `__proto__` becomes an ordinary key. `where` is its name in messages. Throws CORRUPT. */
export function parseObject(bytes: Uint8Array, where: string): Record<string, unknown> {
  const text = parseText(bytes, where);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    refuseStandIn(where, bytes);
    const empty = bytes.length === 0 ? ': it is empty, fetch it again' : '';
    throw new FlashrowError('CORRUPT', `${where} is not valid JSON${empty}`, { path: where }, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FlashrowError('CORRUPT', `${where} should hold a JSON object`, { path: where });
  return value as Record<string, unknown>;
}
