import { FlashrowError } from '../errors.js';

/*
 * Calls from plain JavaScript may bring anything. The public functions look at what they were handed before they use it, and throw BAD_USAGE that says
 * what to write instead; ranges are for those who know them.
 */

export function requirePath(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '')
    throw new FlashrowError('BAD_USAGE', `${name} is a path, not ${shown(value)}`, { option: name });
}

/** Options of any call: an object, whose signal and callbacks are what they are called. */
export function requireOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new FlashrowError('BAD_USAGE', `options are an object, like { signal }, not ${shown(options)}`, {
      option: 'options',
    });
  const { signal, onProgress, onPrefill } = options as Record<string, unknown>;
  optional('signal', signal, isSignal, 'an AbortSignal');
  optional('onProgress', onProgress, isFunction, 'a function');
  optional('onPrefill', onPrefill, isFunction, 'a function');
}

/** Options that shape a plan or a load. */
export function requireModelOptions(options: unknown): void {
  requireOptions(options);
  const { cacheDir, exact, tuning } = options as Record<string, unknown>;
  optional('cacheDir', cacheDir, (value) => typeof value === 'string' && value !== '', 'the path of a folder');
  optional('exact', exact, isBoolean, 'true or false');
  optional(
    'tuning',
    tuning,
    (value) => typeof value === 'object' && value !== null,
    'an object, like { cache: "lru" }',
  );
  const { direct, trace } = (tuning ?? {}) as Record<string, unknown>;
  optional('tuning.direct', direct, isBoolean, 'true or false');
  optional('tuning.trace', trace, isText, 'the path of a trace');
}

export function requireText(name: string, value: unknown): asserts value is string {
  expect(name, value, isText, 'a text');
}

export function requireTexts(name: string, value: unknown): asserts value is readonly string[] {
  expect(name, value, (texts) => Array.isArray(texts) && texts.every(isText), 'an array of texts');
}

/** Ids themselves are checked where the vocabulary is known. */
export function requireIds(name: string, value: unknown): asserts value is readonly number[] {
  expect(name, value, Array.isArray, 'an array of token ids, like [1, 2]');
}

export function requireSequences(name: string, value: unknown): asserts value is readonly (readonly number[])[] {
  const holds = (sequences: unknown) => Array.isArray(sequences) && sequences.every(Array.isArray);
  expect(name, value, holds, 'an array of arrays of token ids, like [[1, 2]]');
}

type Check = (value: unknown) => boolean;

function optional(option: string, value: unknown, holds: Check, accepted: string): void {
  if (value !== undefined) expect(option, value, holds, accepted);
}

function expect(option: string, value: unknown, holds: Check, accepted: string): void {
  if (!holds(value)) throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${shown(value)}`, { option });
}

const isText = (value: unknown) => typeof value === 'string';
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isFunction = (value: unknown) => typeof value === 'function';

/** By what it can do: one of another realm is as good. */
const isSignal = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  isFunction((value as AbortSignal).throwIfAborted) &&
  isFunction((value as AbortSignal).addEventListener);

function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : `"${value.slice(0, 40)}"`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
