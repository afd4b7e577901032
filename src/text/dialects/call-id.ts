import { randomBytes } from 'node:crypto';
import type { DialectName } from './dialects.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const letters = (bytes: Uint8Array): string => Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');

/** Mistral's templates take ids of just so many letters and digits. */
const MISTRAL_ID = 9;

/** A new id for a call. */
export const newCallId = (dialect: DialectName): string =>
  dialect === 'mistral' ? letters(randomBytes(MISTRAL_ID)) : `call_${letters(randomBytes(24))}`;

/** An id as a template takes it: the same for the same id. */
export function acceptedCallId(id: string, dialect: DialectName): string {
  if (dialect !== 'mistral' || /^[A-Za-z0-9]{9}$/.test(id)) return id;
  // FNV-1a, 32 bits, once for each letter.
  return Array.from({ length: MISTRAL_ID }, (_, seed) => {
    let hash = 0x811c9dc5 ^ seed;
    for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
    return LETTERS[(hash >>> 8) % LETTERS.length];
  }).join('');
}
