import { Failure, ReadAsText, Unsupported } from './failures.js';
import { characters, mapCharacters, mark, plain } from './marks.js';
import { spend } from './steps.js';

/** A value of a template. Texts may hold marks (marks.ts). A whole number is a `number`, any other a Float. */
export type Value = string | number | boolean | null | Float | Undefined | Value[] | Dict | Namespace | Callable;

/** Arguments by place, and by name. */
export type Callable = (args: readonly Value[], named: ReadonlyMap<string, Value>) => Value;

/** A number that Python holds as a float. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What a name means that nothing was given for. It prints as nothing; to reach into it is a failure. */
export class Undefined {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }

  fail(): never {
    throw new Failure(`${this.what} is undefined`);
  }
}

/** A list that cannot be changed, as `items()` gives. */
export class Tuple extends Array<Value> {}

/** A message's content in parts. It notes whether the template went through it. */
export class Parts extends Array<Value> {
  visited = false;
}

/** A dict in its order. Keys are compared without marks. */
export class Dict {
  readonly #entries = new Map<string | number | null, [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.#entries.set(hashable(key), [key, value]);
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: Value): boolean {
    return this.#entries.has(hashable(key));
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashable(key))?.[1];
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key);
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value);
  }

  entries(): [Value, Value][] {
    return [...this.#entries.values()];
  }
}

function hashable(key: Value): string | number | null {
  if (typeof key === 'string') return plain(key);
  if (typeof key === 'boolean') return Number(key);
  if (typeof key === 'number' || key === null) return key;
  if (key instanceof Float) return key.value;
  throw new Failure(`${typeName(key)} cannot be the key of a dict`);
}

/** What `namespace()` makes: the only thing whose fields a template can set. */
export class Namespace {
  readonly fields = new Map<string, Value>();
}

/** A value of JavaScript, as JSON holds them, as a template sees it. `userText` is what becomes of its texts. */
export function toValue(value: unknown, userText: (text: string) => string = mark): Value {
  switch (typeof value) {
    case 'string':
      return userText(value);
    case 'number':
      return Number.isSafeInteger(value) ? value : new Float(value);
    case 'boolean':
      return value;
    case 'object':
      if (value === null) return null;
      if (Array.isArray(value)) return value.map((entry) => toValue(entry, userText));
      return new Dict(
        Object.entries(value)
          .filter(([, entry]) => entry !== undefined)
          .map(([key, entry]) => [userText(key), toValue(entry, userText)]),
      );
    case 'undefined':
      return null;
    default:
      throw new Failure(`a ${typeof value} cannot be given to a template`);
  }
}

/** The name that Python has for the type of a value. */
export function typeName(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'function') return 'function';
  if (value instanceof Float) return 'float';
  if (value instanceof Tuple) return 'tuple';
  if (Array.isArray(value)) return 'list';
  return value.constructor.name.toLowerCase();
}

export function truth(value: Value): boolean {
  if (value instanceof Undefined) return false;
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Dict) return value.size > 0;
  return Boolean(value);
}

/** A number's value, also of true and false; null for what is no number. */
export function numeric(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.value : null;
}

/** Python's `==`. */
export function equal(a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') return plain(a) === plain(b);
  const x = numeric(a);
  const y = numeric(b);
  if (x !== null && y !== null) return x === y;
  if (a instanceof Undefined && b instanceof Undefined) return true;
  if (Array.isArray(a)) spend(a.length / 4);
  if (Array.isArray(a) && Array.isArray(b))
    return (
      a instanceof Tuple === b instanceof Tuple && a.length === b.length && a.every((entry, at) => equal(entry, b[at]))
    );
  if (a instanceof Dict && b instanceof Dict)
    return a.size === b.size && a.entries().every(([key, value]) => b.has(key) && equal(value, b.get(key)!));
  return a === b;
}

/** Python's order of two values, below 0 where `a` comes first. */
export function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(plain(a), plain(b));
  const x = numeric(a);
  const y = numeric(b);
  if (x !== null && y !== null) return x - y;
  for (const value of [a, b]) if (value instanceof Undefined) value.fail();
  if (Array.isArray(a) && Array.isArray(b)) {
    const at = a.findIndex((entry, index) => index >= b.length || !equal(entry, b[index]));
    if (at < 0) return a.length - b.length;
    return at >= b.length ? 1 : compare(a[at], b[at]);
  }
  throw new Failure(`${typeName(a)} and ${typeName(b)} have no order`);
}

/** By code points, as Python compares. */
function compareTexts(a: string, b: string): number {
  const x = [...a];
  const y = [...b];
  const at = x.findIndex((character, index) => character !== y[index]);
  if (at < 0) return x.length - y.length;
  return at >= y.length ? 1 : x[at].codePointAt(0)! - y[at].codePointAt(0)!;
}

/** What a value is in the rendered text: Python's `str()`. */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Undefined) return '';
  return repr(value);
}

/** Python's `repr()`. */
export function repr(value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Parts) throw new ReadAsText(value);
  if (value instanceof Tuple) return `(${value.map(repr).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Dict)
    return `{${value
      .entries()
      .map(([key, entry]) => `${repr(key)}: ${repr(entry)}`)
      .join(', ')}}`;
  throw new Unsupported(`the text of a ${typeName(value)}`);
}

function quoted(text: string): string {
  const quote = plain(text).includes("'") && !plain(text).includes('"') ? '"' : "'";
  const escapes = (character: string) => {
    if (character === '\\' || character === quote) return `\\${character}`;
    const short = ({ '\n': '\\n', '\r': '\\r', '\t': '\\t' } as Record<string, string>)[character];
    if (short !== undefined) return short;
    return /[\p{C}\p{Zl}\p{Zp}]/u.test(character) || (/\p{Zs}/u.test(character) && character !== ' ')
      ? escaped(character.codePointAt(0)!)
      : character;
  };
  return quote + mapCharacters(text, escapes) + quote;
}

function escaped(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Python writes the shortest digits too, with an exponent below 1e-4 and from 1e16. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [digits, exponent] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const text = Object.is(value, -0)
    ? '-0'
    : power < 0
      ? value.toFixed(-power + digits.replace(/[-.]/g, '').length - 1)
      : String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** What a `for`, or a filter over a sequence, goes through. */
export function iterate(value: Value): Value[] {
  if (typeof value === 'string') return characters(value);
  if (value instanceof Undefined) return [];
  if (value instanceof Parts) value.visited = true;
  if (Array.isArray(value)) return value;
  if (value instanceof Dict) return value.keys();
  throw new Failure(`${typeName(value)} cannot be gone through one by one`);
}
