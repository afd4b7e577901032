import { FlashrowError, shown } from '../../errors.js';
import { similarName } from '../similar-name.js';

/*
 * Calls from plain JavaScript may bring anything. The public functions check the types of what they are given before
 * they use it. They throw BAD_USAGE, which says what to write instead. Ranges are checked where they are known.
 */

/** Throws BAD_USAGE that names `option` and says what it accepts, unless `holds`. */
export function expect(holds: boolean, option: string, value: unknown, accepted: string): asserts holds {
  if (!holds) throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${shown(value)}`, { option });
}

/** What an option accepts: the test, and the same in words. Null where it is checked later, where more is known. */
export type Accepts = readonly [holds: (value: unknown) => boolean, accepted: string] | null;

/** Every option of a call, and what it accepts. */
export type OptionTable<T> = { readonly [Name in keyof Required<T>]: Accepts };

/**
 * Throws BAD_USAGE where `options` are no object, hold an option that is not in `table`, or a value that an option does
 * not accept. Undefined stands for an option's default. `call` is the function as messages write it: `generate()`.
 */
export function requireOptions<T extends object>(
  call: string,
  options: unknown,
  table: OptionTable<T>,
): asserts options is T {
  if (!isPlainObject(options))
    throw new FlashrowError('BAD_USAGE', `options are an object, like { signal }, not ${shownKind(options)}`, {
      option: 'options',
    });
  requireKnown(call, options, table, '');
}

/** The same for the options in the option `group`, such as `tuning`. */
export function requireOptionGroup<T extends object>(
  call: string,
  group: string,
  options: object,
  table: OptionTable<T>,
): asserts options is T {
  requireKnown(call, options, table, `${group}.`);
}

/** Throws BAD_USAGE, with `like` as an example, where `value` is no object of fields, such as a list or a Map. */
export function requirePlainObject(name: string, value: unknown, like: string): asserts value is object {
  if (isPlainObject(value)) return;
  throw new FlashrowError('BAD_USAGE', `${name} is an object, like ${like}, not ${shownKind(value)}`, { option: name });
}

/** Instances of an app's own classes count, and objects of another realm: built-in kinds tell themselves by a tag. */
export const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && Object.prototype.toString.call(value) === '[object Object]';

const shownKind = (value: unknown): string =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? shown(value)
    : `a ${Object.prototype.toString.call(value).slice('[object '.length, -1)}`;

/** Throws BAD_USAGE for an option that is not in `table`, or a value that an option does not accept. */
export function requireKnown(
  call: string,
  options: object,
  table: Readonly<Record<string, Accepts>>,
  prefix: string,
): void {
  // Inherited options count as well: they would be used.
  for (const name in options) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (!Object.hasOwn(table, name)) throw unknownOption(call, name, Object.keys(table), prefix);
    const accepts = table[name];
    if (accepts !== null) expect(accepts[0](value), prefix + name, value, accepts[1]);
  }
}

function unknownOption(call: string, name: string, names: readonly string[], prefix: string): FlashrowError {
  const meant = similarName(name, names);
  const advice =
    meant !== null
      ? `did you mean \`${prefix}${meant}\`?`
      : `it takes ${names.map((known) => `\`${prefix}${known}\``).join(', ')}`;
  return new FlashrowError('BAD_USAGE', `\`${prefix}${name}\` is no option of \`${call}\`; ${advice}`, {
    option: prefix + name,
    accepted: (meant === null ? names : [meant]).map((known) => prefix + known).join(', '),
  });
}

export function requireText(name: string, value: unknown): asserts value is string {
  expect(isText(value), name, value, 'a text');
}

export function requireTexts(name: string, value: unknown): asserts value is readonly string[] {
  expect(Array.isArray(value) && [...value].every(isText), name, value, 'an array of texts');
}

export function requirePrompt(value: unknown): asserts value is string | readonly number[] {
  expect(isText(value) || Array.isArray(value), 'prompt', value, 'a string or an array of token ids');
}

/** The ids themselves are checked where the vocabulary is known. */
export function requireIds(name: string, value: unknown): asserts value is readonly number[] {
  expect(Array.isArray(value), name, value, 'an array of token ids, like [1, 2]');
}

export function requireSequences(name: string, value: unknown): asserts value is readonly (readonly number[])[] {
  const holds = Array.isArray(value) && [...value].every(Array.isArray);
  expect(holds, name, value, 'an array of arrays of token ids, like [[1, 2]]');
}

const isText = (value: unknown) => typeof value === 'string';
