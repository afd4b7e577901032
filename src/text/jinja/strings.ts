import { bind } from './arguments.js';
import { Failure, Unsupported } from './failures.js';
import { characters, mapCharacters, plain, unitAt, unitBefore } from './marks.js';
import { spend, UNITS_A_STEP } from './steps.js';
import { iterate, Tuple, truth, typeName, Undefined, type Value } from './values.js';

/** What `str.strip()` takes away in Python, which is not what JavaScript's `trim` does. */
const SPACES = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
);
const isSpace = (character: string) => SPACES.has(character);
const LINE_ENDS = new RegExp(`\r\n|[${'\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029'}]`, 'g');

type Method = (text: string, args: readonly Value[], named: ReadonlyMap<string, Value>) => Value;

/** A method whose arguments all must be given, by place or by name. */
const method = (names: readonly string[], run: (text: string, ...args: Value[]) => Value): Method => {
  const defaults = Object.fromEntries(names.map((name) => [name, undefined]));
  return (text, args, named) => run(text, ...bind('a method of a text', args, named, defaults));
};

const stripped =
  (left: boolean, right: boolean): Method =>
  (text, args, named) =>
    strip(text, bind('strip', args, named, { chars: null })[0], left, right);

const cutUp =
  (fromRight: boolean): Method =>
  (text, args, named) => {
    const [separator, most] = bind('split', args, named, { sep: null, maxsplit: -1 });
    return split(text, separator, most, fromRight);
  };

/** Python's methods of a text, those that chat templates use. */
const METHODS: Readonly<Record<string, Method>> = {
  strip: stripped(true, true),
  lstrip: stripped(true, false),
  rstrip: stripped(false, true),
  split: cutUp(false),
  rsplit: cutUp(true),
  splitlines: (text, args, named) => splitLines(text, truth(bind('splitlines', args, named, { keepends: false })[0])),
  startswith: method(['prefix'], (text, prefix) => someText(prefix, (start) => plain(text).startsWith(start))),
  endswith: method(['suffix'], (text, suffix) => someText(suffix, (end) => plain(text).endsWith(end))),
  removeprefix: method(['prefix'], (text, prefix) =>
    plain(text).startsWith(plain(textOf(prefix))) ? cut(text, characters(textOf(prefix)).length) : text,
  ),
  removesuffix: method(['suffix'], (text, suffix) => {
    const length = characters(textOf(suffix)).length;
    return length > 0 && plain(text).endsWith(plain(textOf(suffix))) ? cut(text, 0, -length) : text;
  }),
  replace: (text, args, named) => {
    const [from, to, count] = bind('replace', args, named, { old: undefined, new: undefined, count: -1 });
    return replace(text, textOf(from), textOf(to), wholeOf(count));
  },
  upper: method([], upper),
  lower: method([], lower),
  title: method([], title),
  capitalize: method([], capitalize),
  join: method(['iterable'], (text, parts) => iterate(parts).map(textOf).join(text)),
  find: method(['sub'], (text, part) => indexIn(text, textOf(part))),
  rfind: method(['sub'], (text, part) => indexIn(text, textOf(part), true)),
  index: method(['sub'], (text, part) => {
    const at = indexIn(text, textOf(part));
    if (at < 0) throw new Failure('substring not found');
    return at;
  }),
  count: method(['sub'], (text, part) => places(text, textOf(part)).length),
  partition: method(['sep'], (text, separator) => partition(text, textOf(separator), false)),
  rpartition: method(['sep'], (text, separator) => partition(text, textOf(separator), true)),
  isdigit: method([], (text) => every(text, (character) => /^\p{Nd}$/u.test(character))),
  isalpha: method([], (text) => every(text, (character) => /^\p{L}$/u.test(character))),
  isalnum: method([], (text) => every(text, (character) => /^[\p{L}\p{N}]$/u.test(character))),
  isspace: method([], (text) => every(text, isSpace)),
  isupper: method([], isUpper),
  islower: method([], isLower),
};

/** Methods that Python's texts have and these do not. Any other name is no method in Python either. */
const LACKING = new Set(
  'casefold center encode expandtabs format format_map isascii isdecimal isidentifier isnumeric isprintable istitle ljust maketrans rindex rjust swapcase translate zfill'.split(
    ' ',
  ),
);

/** A method of `text`, ready to be called; undefined where Python has none of that name. Throws Unsupported. */
export function textMethod(text: string, name: string): Value | undefined {
  if (Object.hasOwn(METHODS, name)) return (args, named) => METHODS[name](text, args, named);
  if (LACKING.has(name)) throw new Unsupported(`the method ${name}() of a text`);
  return undefined;
}

export const isTextMethod = (name: string): boolean => Object.hasOwn(METHODS, name) || LACKING.has(name);

/** Throws Failure where `value` is no text. */
export function textOf(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  if (value instanceof Undefined) value.fail();
  throw new Failure(`a text was expected, not ${value === undefined ? 'nothing' : typeName(value)}`);
}

export function wholeOf(value: Value): number {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value);
  throw new Failure(`a whole number was expected, not ${typeName(value)}`);
}

const cut = (text: string, from: number, to?: number) => characters(text).slice(from, to).join('');

export function strip(text: string, which: Value | undefined, left: boolean, right: boolean): string {
  const wanted = which === undefined || which === null ? null : plain(textOf(which));
  if (wanted !== null && /\p{Surrogate}|[^\0-\uffff]/u.test(wanted)) return stripCharacters(text, wanted, left, right);
  const set = wanted === null ? SPACE_UNITS : unitsOf(wanted);
  let from = 0;
  let to = text.length;
  for (let width = 1; left && from < to; from += width) {
    const [unit, units] = unitAt(text, from);
    if (!set.has(unit)) break;
    width = units;
  }
  for (let width = 1; right && to > from; to -= width) {
    const [unit, units] = unitBefore(text, to);
    if (!set.has(unit)) break;
    width = units;
  }
  spend((from + text.length - to) / UNITS_A_STEP);
  return text.slice(from, to);
}

/** For characters beyond the first plane, which are two units. */
function stripCharacters(text: string, wanted: string, left: boolean, right: boolean): string {
  const set = new Set(wanted);
  const all = characters(text);
  let from = 0;
  let to = all.length;
  while (left && from < to && set.has(plain(all[from]))) from++;
  while (right && to > from && set.has(plain(all[to - 1]))) to--;
  return all.slice(from, to).join('');
}

const unitsOf = (set: string): ReadonlySet<number> => new Set(Array.from(set, (unit) => unit.charCodeAt(0)));
const SPACE_UNITS = unitsOf([...SPACES].join(''));

/** Where `part` stands in `text`, in characters, one after the other. */
function places(text: string, part: string): number[] {
  const whole = plain(text);
  const wanted = plain(part);
  if (wanted === '') return [...whole, ''].map((_, at) => at);
  const found: number[] = [];
  let from = 0;
  let before = 0;
  for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, from)) {
    before += lengthOf(whole.slice(from, at));
    found.push(before);
    before += lengthOf(wanted);
    from = at + wanted.length;
  }
  return found;
}

/** In characters. */
const lengthOf = (plainText: string): number =>
  /[\ud800-\udbff]/.test(plainText) ? [...plainText].length : plainText.length;

function indexIn(text: string, part: string, last = false): number {
  const whole = plain(text);
  const at = last ? whole.lastIndexOf(plain(part)) : whole.indexOf(plain(part));
  return at < 0 ? -1 : lengthOf(whole.slice(0, at));
}

function split(text: string, separator: Value, mostSplits: Value, fromRight: boolean): Value[] {
  const most = wholeOf(mostSplits) < 0 ? Infinity : wholeOf(mostSplits);
  if (separator === null) return splitAtSpace(text, most, fromRight);
  const between = textOf(separator);
  if (between === '') throw new Failure('empty separator');
  const all = characters(text);
  const width = characters(between).length;
  const found = fromRight ? placesFromRight(text, between) : places(text, between);
  const used =
    most === Infinity ? found : fromRight ? found.slice(Math.max(0, found.length - most)) : found.slice(0, most);
  const parts: string[] = [];
  let from = 0;
  for (const at of used) {
    parts.push(all.slice(from, at).join(''));
    from = at + width;
  }
  return [...parts, all.slice(from).join('')];
}

function placesFromRight(text: string, part: string): number[] {
  const reversed = (all: string) => characters(plain(all)).reverse().join('');
  const length = characters(text).length;
  const width = characters(part).length;
  return places(reversed(text), reversed(part))
    .map((at) => length - at - width)
    .reverse();
}

function splitAtSpace(text: string, most: number, fromRight: boolean): Value[] {
  const all = fromRight ? characters(text).reverse() : characters(text);
  const spaceAt = (at: number) => isSpace(plain(all[at]));
  const parts: string[][] = [];
  let at = 0;
  for (;;) {
    while (at < all.length && spaceAt(at)) at++;
    if (at === all.length) break;
    const from = at;
    while (at < all.length && (!spaceAt(at) || parts.length >= most)) at++;
    parts.push(all.slice(from, at));
  }
  return fromRight ? parts.map((part) => part.reverse().join('')).reverse() : parts.map((part) => part.join(''));
}

function splitLines(text: string, keepEnds: boolean): Value[] {
  const whole = plain(text);
  const all = characters(text);
  const lines: string[] = [];
  let from = 0;
  let unit = 0;
  let at = 0;
  for (const match of whole.matchAll(LINE_ENDS)) {
    at += [...whole.slice(unit, match.index)].length;
    lines.push(all.slice(from, keepEnds ? at + match[0].length : at).join(''));
    at += match[0].length;
    from = at;
    unit = match.index + match[0].length;
  }
  return from < all.length ? [...lines, all.slice(from).join('')] : lines;
}

/** Python's `replace`: the first `count` places, all where it is negative. */
export function replace(text: string, from: string, to: string, count: number): string {
  const found = places(text, from);
  const used = count < 0 ? found : found.slice(0, count);
  if (used.length === 0) return text;
  const all = characters(text);
  const width = characters(from).length;
  let result = '';
  let done = 0;
  for (const at of used) {
    result += all.slice(done, at).join('') + to;
    done = at + width;
  }
  return result + all.slice(done).join('');
}

function partition(text: string, separator: string, last: boolean): Value {
  const at = indexIn(text, separator, last);
  if (at < 0) return Tuple.of<Value>(...(last ? ['', '', text] : [text, '', '']));
  const end = at + characters(separator).length;
  return Tuple.of<Value>(cut(text, 0, at), cut(text, at, end), cut(text, end));
}

const someText = (value: Value | undefined, holds: (text: string) => boolean): boolean =>
  value instanceof Tuple ? value.some((entry) => holds(plain(textOf(entry)))) : holds(plain(textOf(value)));

const every = (text: string, holds: (character: string) => boolean): boolean =>
  text !== '' && [...plain(text)].every(holds);

export function upper(text: string): string {
  return mapCharacters(text, (character) => character.toUpperCase());
}

export function lower(text: string): string {
  return mapCharacters(text, (character) => character.toLowerCase());
}

export function capitalize(text: string): string {
  const [first = '', ...rest] = characters(text);
  return upper(first) + lower(rest.join(''));
}

/** A word begins after anything that is no letter. */
export function title(text: string): string {
  let inWord = false;
  return characters(text)
    .map((character) => {
      const changed = inWord ? lower(character) : upper(character);
      inWord = /^\p{L}$/u.test(plain(character));
      return changed;
    })
    .join('');
}

export function isUpper(text: string): boolean {
  const whole = plain(text);
  return /\p{Lu}/u.test(whole) && whole === whole.toUpperCase();
}

export function isLower(text: string): boolean {
  const whole = plain(text);
  return /\p{Ll}/u.test(whole) && whole === whole.toLowerCase();
}
