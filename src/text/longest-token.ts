import { standInOf } from './byte-level.js';
import { isRecord, records } from './json-shape.js';
import { byteToken } from './pieces/byte-token.js';

/*
 * The most bytes of a text that one token may stand for: then a text that is far too long for a context is known
 * without encoding it.
 */

/**
 * The bound for the tokenizer of a parsed tokenizer.json whose vocabulary is `tokens`; null where the tokenizer may
 * drop a part of a text, or is of a kind that is not known to keep all of it. A vocabulary writes no byte of a text
 * in less than a byte, so the longest of its spellings will do.
 */
export function longestToken(json: Record<string, unknown>, tokens: readonly string[]): number | null {
  const added = records(json.added_tokens ?? []);
  // Some take the white space beside them away. A special token of one character is no character of a text.
  const keepsAll = added.every(
    ({ lstrip, rstrip, special, content }) =>
      lstrip !== true && rstrip !== true && !(special === true && [...String(content)].length === 1),
  );
  if (!keepsAll || !keepsText(json.pre_tokenizer, CUTS) || !keepsText(json.normalizer, REPLACES)) return null;
  if (!spellsEveryByte(json.model, new Set(tokens))) return null;
  const spellings = [...tokens, ...added.map(({ content }) => String(content))];
  const longest = spellings.reduce((most, token) => Math.max(most, Buffer.byteLength(token)), 1);
  return longest * NFC_SHRINKS ** countNfc(json.normalizer);
}

type Step = Record<string, unknown>;

/** Pre-tokenizers that only cut, or spell what they get otherwise. */
const CUTS: Readonly<Record<string, (step: Step) => boolean>> = {
  ByteLevel: () => true,
  Metaspace: () => true,
  Digits: () => true,
  Split: ({ behavior }) => behavior !== 'Removed',
};

/**
 * NFC makes one character of up to four, of up to four bytes each. One of three has two bytes at least, one of four has
 * three.
 */
const NFC_SHRINKS = 6;

const countNfc = (config: unknown): number => JSON.stringify(config ?? null).split('"type":"NFC"').length - 1;

/** Normalizers that make no text shorter, but for NFC. */
const REPLACES: Readonly<Record<string, (step: Step) => boolean>> = {
  NFC: () => true,
  Prepend: () => true,
  Replace: ({ pattern, content }) =>
    isRecord(pattern) &&
    typeof pattern.String === 'string' &&
    Buffer.byteLength(String(content)) >= Buffer.byteLength(pattern.String),
};

function keepsText(config: unknown, kinds: typeof CUTS): boolean {
  if (config === null || config === undefined) return true;
  if (!isRecord(config)) return false;
  const parts = config.type === 'Sequence' ? (config.pretokenizers ?? config.normalizers) : null;
  if (Array.isArray(parts)) return parts.every((part) => keepsText(part, kinds));
  return typeof config.type === 'string' && Object.hasOwn(kinds, config.type) && kinds[config.type](config);
}

function spellsEveryByte(model: unknown, tokens: ReadonlySet<string>): boolean {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  if (isRecord(model) && model.byte_fallback === true) return bytes.every((byte) => tokens.has(byteToken(byte)));
  return bytes.every((byte) => tokens.has(standInOf(byte)));
}
