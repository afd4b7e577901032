import { CONTROL, controlBytes } from '../../grammar/marks.js';
import type { TokenSpelling } from '../../text/tokenizer.js';

const NOTHING = new Uint8Array(0);

/**
 * The bytes of a token as grammars know it: control tokens have those of their names, behind a byte of their own. A
 * token that holds this byte is no text, and has none.
 */
export function tableBytes(id: number, spelling: TokenSpelling): Uint8Array {
  const bytes = spelling.bytes(id);
  if (bytes.length > 0) return bytes.includes(CONTROL) ? NOTHING : bytes;
  const name = spelling.token(id);
  return name === '' ? NOTHING : controlBytes(name);
}
