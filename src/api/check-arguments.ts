import { FlashrowError, shown } from '../errors.js';

/*
 * Calls from plain JavaScript may bring anything. The public functions check the types of what they are given before
 * they use it. They throw BAD_USAGE, which says what to write instead. Ranges are checked where they are known.
 */

/** Throws BAD_USAGE that names `option` and says what it accepts, unless `holds`. */
export function expect(holds: boolean, option: string, value: unknown, accepted: string): asserts holds {
  if (!holds) throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${shown(value)}`, { option });
}

/** Options that any call may take: an object with a signal and callbacks. */
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
  expect(isText(value), name, value, 'a text');
}

export function requireTexts(name: string, value: unknown): asserts value is readonly string[] {
  expect(Array.isArray(value) && value.every(isText), name, value, 'an array of texts');
}

/** The ids themselves are checked where the vocabulary is known. */
export function requireIds(name: string, value: unknown): asserts value is readonly number[] {
  expect(Array.isArray(value), name, value, 'an array of token ids, like [1, 2]');
}

export function requireSequences(name: string, value: unknown): asserts value is readonly (readonly number[])[] {
  const holds = Array.isArray(value) && value.every(Array.isArray);
  expect(holds, name, value, 'an array of arrays of token ids, like [[1, 2]]');
}

function optional(option: string, value: unknown, holds: (value: unknown) => boolean, accepted: string): void {
  if (value !== undefined) expect(holds(value), option, value, accepted);
}

const isText = (value: unknown) => typeof value === 'string';
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isFunction = (value: unknown) => typeof value === 'function';

/** Told by what it can do: a signal of another realm is as good. */
const isSignal = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  isFunction((value as AbortSignal).throwIfAborted) &&
  isFunction((value as AbortSignal).addEventListener);
