import { FlashrowError } from '../errors.js';

/*
 * SentencePiece's table of replacements, compiled (src/normalizer.cc of google/sentencepiece): the bytes of a double
 * array (Darts) that finds texts, then the texts in their place, each with a zero behind it.
 */

/** Longer clusters of characters are looked up character by character, as in the Rust library (spm_precompiled). */
const LONGEST_CLUSTER_BYTES = 6;

/** The normalizer of a table in base64. Throws CORRUPT. */
export function precompiled(charsmap: unknown): (text: string) => string {
  if (charsmap === null || charsmap === undefined || charsmap === '') return (text) => text;
  const bytes = typeof charsmap === 'string' ? Buffer.from(charsmap, 'base64') : Buffer.alloc(0);
  const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length)
    throw new FlashrowError('CORRUPT', "tokenizer.json's precompiled_charsmap is damaged");
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => bytes.readUInt32LE(4 + 4 * at));
  const texts = bytes.subarray(4 + size);
  const replacement = (text: string): string | null => {
    const found = shortestPrefix(units, Buffer.from(text));
    if (found === null || found > texts.length) return null;
    const end = texts.indexOf(0, found);
    return texts.subarray(found, end < 0 ? texts.length : end).toString('utf8');
  };
  const known = new Map<string, string>();
  const ofCharacter = (character: string) => replacement(character) ?? character;
  const ofCluster = (cluster: string) =>
    (Buffer.byteLength(cluster) < LONGEST_CLUSTER_BYTES ? replacement(cluster) : null) ??
    Array.from(cluster, ofCharacter).join('');
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return (text) => {
    let result = '';
    for (const { segment } of segmenter.segment(text)) {
      let normalized = known.get(segment);
      if (normalized === undefined) {
        normalized = ofCluster(segment);
        if (known.size < MOST_KNOWN) known.set(segment, normalized);
      }
      result += normalized;
    }
    return result;
  };
}

const MOST_KNOWN = 4096;

/** The value of the shortest text in the double array that `key` begins with; null where there is none. */
function shortestPrefix(units: Uint32Array, key: Uint8Array): number | null {
  const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let at = offsetOf(units[0]);
  for (const byte of key) {
    if (byte === 0) return null;
    at ^= byte;
    if (at >= units.length) return null;
    const unit = units[at];
    // The lowest byte is the label; bit 31 marks a value, which has none.
    if ((unit & 0x800000ff) >>> 0 !== byte) return null;
    at ^= offsetOf(unit);
    if (at >= units.length) return null;
    if ((unit & 0x100) !== 0) return units[at] & 0x7fffffff;
  }
  return null;
}
