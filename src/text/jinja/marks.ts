import { spend, UNITS_A_STEP } from './steps.js';

/*
 * Users' text and the template's own text meet in one rendered text, and only the template may write control tokens. So
 * each UTF-16 unit of a user's text is moved to Unicode's plane 15, where it stays through all that a template does
 * with it: trimming, cutting, joining. Every comparison looks at the plain text.
 */
const PLANE = 0xf0000;
const MARKED = /[\u{f0000}-\u{fffff}]/gu;
/** The first units of the pairs that write plane 15; finds marks fast. */
const FIRST_UNITS = /[\udb80-\udbbf]/;

/** A pair that writes a mark begins at HIGH + the upper six bits of the unit; its second is LOW + the lower ten. */
const HIGH = 0xdb80;
const LOW = 0xdc00;
const isHigh = (unit: number): boolean => unit >= HIGH && unit < HIGH + 0x40;
const unitOf = (high: number, low: number): number => ((high - HIGH) << 10) | (low - LOW);

/** A user's text in marked form. */
export function mark(text: string): string {
  const units = new Uint16Array(2 * text.length);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    units[2 * at] = HIGH | (unit >> 10);
    units[2 * at + 1] = LOW | (unit & 0x3ff);
  }
  return textOfUnits(units);
}

export const isMarked = (text: string): boolean => FIRST_UNITS.test(text);

/** The text without its marks: what people read. */
export function plain(text: string): string {
  if (!isMarked(text)) return text;
  spend(text.length / UNITS_A_STEP);
  const units = new Uint16Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    units[length++] = isHigh(unit) ? unitOf(unit, text.charCodeAt(++at)) : unit;
  }
  return textOfUnits(units.subarray(0, length));
}

/** Units as they are, lone surrogates too. */
const textOfUnits = (units: Uint16Array): string =>
  Buffer.from(units.buffer, units.byteOffset, units.byteLength).toString('utf16le');

/** A template's source whose own characters of plane 15, if it has any, cannot be taken for marks. */
export const markStrangers = (source: string): string => source.replace(MARKED, (character) => mark(character));

/** The characters (code points) of a text, each in its marked or plain form. */
export function characters(text: string): string[] {
  spend(text.length / 4);
  if (!isMarked(text)) return [...text];
  const all: string[] = [];
  let high = false;
  for (const character of text) {
    const unit = character.codePointAt(0)! - PLANE;
    // A character beyond the first plane is two marked units.
    if (high && isLowSurrogate(unit)) all[all.length - 1] += character;
    else all.push(character);
    high = isHighSurrogate(unit);
  }
  return all;
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/** The plain unit that begins at `at`, and how many units write it. */
export function unitAt(text: string, at: number): readonly [unit: number, units: number] {
  const unit = text.charCodeAt(at);
  return isHigh(unit) ? [unitOf(unit, text.charCodeAt(at + 1)), 2] : [unit, 1];
}

/** The same of the one that ends at `end`. */
export function unitBefore(text: string, end: number): readonly [unit: number, units: number] {
  const unit = text.charCodeAt(end - 1);
  const first = text.charCodeAt(end - 2);
  return isLowSurrogate(unit) && isHigh(first) ? [unitOf(first, unit), 2] : [unit, 1];
}

/** Applies `change` to each character in plain form and keeps the marks. */
export function mapCharacters(text: string, change: (character: string) => string): string {
  spend(text.length);
  if (!isMarked(text)) return [...text].map(change).join('');
  return characters(text)
    .map((character) => (isMarked(character) ? mark(change(plain(character))) : change(character)))
    .join('');
}

/** The plain text, and for each of its UTF-16 units 1 where a user gave it. */
export function unmark(text: string): { text: string; byUser: Uint8Array } {
  const result = plain(text);
  const byUser = new Uint8Array(result.length);
  for (let from = 0, to = 0; from < text.length; from++, to++) {
    if (!isHigh(text.charCodeAt(from))) continue;
    byUser[to] = 1;
    from++;
  }
  return { text: result, byUser };
}
