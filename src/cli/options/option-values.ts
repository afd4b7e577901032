import { FlashrowError, shown } from '../../errors.js';
import { BYTES_ACCEPTED, parseBytes } from '../../plan/bytes.js';

/** Turns the text of one option into its value; throws BAD_USAGE that names the option and what it takes. */
export type OptionParser<T> = (text: string) => T;

/** The error for an `option` that was given a `value` which it does not take. */
export function badValue(option: string, value: string, accepted: string): FlashrowError {
  const message = `${option} takes ${accepted}, not ${shown(value)}`;
  return new FlashrowError('BAD_USAGE', message, { option, value, accepted });
}

export function integer(option: string, minimum: number): OptionParser<number> {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value > Number.MAX_SAFE_INTEGER)
      throw badValue(option, text, `a whole number of at least ${minimum}, at most ${Number.MAX_SAFE_INTEGER}`);
    if (!Number.isSafeInteger(value) || value < minimum)
      throw badValue(option, text, `a whole number of at least ${minimum}`);
    return value;
  };
}

/** A decimal number for which `holds` is true; `accepted` says in words which those are. */
export function decimal(option: string, accepted: string, holds: (value: number) => boolean): OptionParser<number> {
  return (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value) || !holds(value)) throw badValue(option, text, accepted);
    return value;
  };
}

/** An amount of bytes above 0: `20MB`, `1.5GiB`, `2e9`. */
export function bytes(option: string): OptionParser<number> {
  return (text) => {
    try {
      const amount = parseBytes(text);
      if (amount > 0) return amount;
    } catch {}
    throw badValue(option, text, BYTES_ACCEPTED);
  };
}

/** Bytes per second: `1.5GB/s`, `500MB`, `2e9`. */
export function parseSpeed(option: string): OptionParser<number> {
  return (text) => {
    try {
      const bytes = parseBytes(text.replace(/\/s$/, ''));
      if (bytes > 0) return bytes;
    } catch {}
    throw badValue(option, text, 'an amount a second, like 1.5GB/s');
  };
}

export function choice<T extends string>(option: string, names: readonly T[]): OptionParser<T> {
  return (text) => {
    const chosen = names.find((name) => name === text);
    if (chosen === undefined) throw badValue(option, text, anyOf(names));
    return chosen;
  };
}

/** `'[1,2]'`: a JSON array of at least one token id. */
export function tokenIds(option: string): OptionParser<number[]> {
  return (text) => {
    const ids = parseJson(text);
    if (!isTokenIds(ids) || ids.length === 0) throw badValue(option, text, 'a JSON array of token ids, like [1,2]');
    return ids;
  };
}

export const isTokenIds = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0 && id <= 0xffffffff);

/** The value, or undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const anyOf = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : names[0];
