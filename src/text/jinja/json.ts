import { Failure, Unsupported } from './failures.js';
import { mapCharacters, plain } from './marks.js';
import { Dict, Float, floatText, Parts, typeName, Undefined, type Value } from './values.js';

export interface JsonStyle {
  ensureAscii: boolean;
  /** What one level is indented by; null for one line. */
  indent: string | null;
  /** Between entries, and between a key and its value. */
  separators: readonly [string, string];
  sortKeys: boolean;
}

/** Python's `json.dumps`, which chat templates have under the name `tojson`. Marks stay. */
export function toJson(value: Value, style: JsonStyle, depth = 0): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Float) return jsonNumber(value.value);
  if (typeof value === 'string') return jsonText(value, style.ensureAscii);
  if (value instanceof Parts) value.visited = true;
  if (Array.isArray(value)) {
    const entries = value.map((entry) => toJson(entry, style, depth + 1));
    return bracketed('[', ']', entries, style, depth);
  }
  if (value instanceof Dict) {
    const entries = value.entries();
    if (style.sortKeys) entries.sort(([a], [b]) => (plain(String(a)) < plain(String(b)) ? -1 : 1));
    const lines = entries.map(
      ([key, entry]) => jsonKey(key, style) + style.separators[1] + toJson(entry, style, depth + 1),
    );
    return bracketed('{', '}', lines, style, depth);
  }
  if (value instanceof Undefined) throw new Failure(`${value.what} is undefined, and cannot become JSON`);
  throw new Failure(`a ${typeName(value)} cannot become JSON`);
}

function bracketed(open: string, close: string, entries: readonly string[], style: JsonStyle, depth: number): string {
  const { indent, separators } = style;
  if (entries.length === 0) return open + close;
  if (indent === null) return open + entries.join(separators[0]) + close;
  const line = `\n${indent.repeat(depth + 1)}`;
  return `${open}${line}${entries.join(separators[0] + line)}\n${indent.repeat(depth)}${close}`;
}

function jsonKey(key: Value, style: JsonStyle): string {
  if (typeof key === 'string') return jsonText(key, style.ensureAscii);
  if (key === null || typeof key === 'number') return `"${key}"`;
  throw new Unsupported(`a ${typeName(key)} as the key of an object in tojson`);
}

function jsonText(text: string, ensureAscii: boolean): string {
  const escapes = (character: string) => {
    // JSON.stringify escapes a lone surrogate; Python writes it as it is.
    const inner = /\p{Surrogate}/u.test(character) ? character : JSON.stringify(character).slice(1, -1);
    return ensureAscii ? inner.replace(/[^\0-\x7f]/g, asciiEscape) : inner;
  };
  return `"${mapCharacters(text, escapes)}"`;
}

const asciiEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

function jsonNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? floatText(value) : value > 0 ? 'Infinity' : '-Infinity';
}
