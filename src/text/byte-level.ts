/**
 * GPT-2's printable stand-ins for bytes. Byte-level BPE writes a token's bytes as characters. Printable Latin-1 stands
 * for itself. The other 68 bytes become U+0100 and the characters after it (`bytes_to_unicode` of GPT-2's encoder.py).
 */
const STAND_INS: readonly string[] = standIns();
const BYTES: ReadonlyMap<string, number> = new Map(STAND_INS.map((standIn, byte) => [standIn, byte]));

/** The character that stands for a byte. */
export const standInOf = (byte: number): string => STAND_INS[byte];

function standIns(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}

const encoder = new TextEncoder();

/** The stand-ins of a text, one for each byte of its UTF-8. */
export function toStandIns(text: string): string {
  if (/^[!-~]*$/.test(text)) return text;
  let result = '';
  for (const byte of encoder.encode(text)) result += STAND_INS[byte];
  return result;
}

/** The bytes of a string of stand-ins; null where it holds another character. */
export function fromStandIns(token: string): Uint8Array | null {
  const bytes = new Uint8Array(token.length);
  for (let at = 0; at < token.length; at++) {
    const byte = BYTES.get(token[at]);
    if (byte === undefined) return null;
    bytes[at] = byte;
  }
  return bytes;
}
