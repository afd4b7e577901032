import { bind } from './arguments.js';
import { Failure, Unsupported } from './failures.js';
import { toJson } from './json.js';
import { characters, mapCharacters, plain } from './marks.js';
import { operate } from './operators.js';
import { printf } from './printf.js';
import { spend } from './steps.js';
import { capitalize, lower, replace, strip, textOf, upper, wholeOf } from './strings.js';
import { testNamed } from './tests.js';
import {
  compare,
  Dict,
  equal,
  Float,
  iterate,
  numeric,
  str,
  Tuple,
  truth,
  typeName,
  Undefined,
  type Value,
} from './values.js';

type Named = ReadonlyMap<string, Value>;
type Filter = (value: Value, args: readonly Value[], named: Named) => Value;
/** Gives what `a.b` is in a template. */
type Attribute = (value: Value, name: Value) => Value;

/** A filter whose arguments have defaults; those of undefined must be given. */
const filter =
  (defaults: Record<string, Value | undefined>, run: (value: Value, ...args: Value[]) => Value): Filter =>
  (value, args, named) =>
    run(value, ...bind('a filter', args, named, defaults));

const list = (value: Value): Value[] => [...iterate(value)];
/** For filters that take None, and whatever else counts as false, for an empty list. */
const listOrNone = (value: Value): Value[] => (truth(value) ? list(value) : []);
const at = (values: Value[], index: number): Value =>
  values.length === 0 ? new Undefined('an entry of an empty list') : values.at(index)!;

const TEXTS: Readonly<Record<string, Filter>> = {
  string: filter({}, str),
  safe: filter({}, str),
  upper: filter({}, (value) => upper(str(value))),
  lower: filter({}, (value) => lower(str(value))),
  title: filter({}, (value) => titleByWords(str(value))),
  capitalize: filter({}, (value) => capitalize(str(value))),
  trim: filter({ chars: null }, (value, set) => strip(str(value), set, true, true)),
  replace: filter({ s: undefined, new: undefined, count: null }, (value, from, to, count) =>
    replace(str(value), str(from), str(to), count === null ? -1 : wholeOf(count)),
  ),
  indent: filter({ width: 4, first: false, blank: false }, indent),
  format: (value, args, named) => {
    const values = named.size > 0 ? new Dict(named) : Tuple.from<Value>(args);
    return printf(str(value), values as Value);
  },
  tojson: filter({ ensure_ascii: false, indent: null, separators: null, sort_keys: false }, tojson),
  int: filter({ default: 0, base: 10 }, int),
  float: filter({ default: new Float(0) }, float),
};

/** Jinja's filter, unlike the method of Python, goes by white space and opening brackets. */
function titleByWords(text: string): string {
  let begins = true;
  return mapCharacters(text, (character) => {
    const changed = begins ? character.toUpperCase() : character.toLowerCase();
    begins = /[-\s({[<]/.test(character);
    return changed;
  });
}

function indent(value: Value, width: Value, first: Value, blank: Value): Value {
  const by = typeof width === 'string' ? width : ' '.repeat(wholeOf(width));
  const lines = str(value).split(/\n|\u{f000a}/u);
  const ends = [...str(value).matchAll(/\n|\u{f000a}/gu)].map(([end]) => end);
  return lines
    .map((line, at) => {
      const indented = (at > 0 || truth(first)) && (truth(blank) || line !== '');
      return (indented ? by : '') + line + (ends[at] ?? '');
    })
    .join('');
}

function tojson(value: Value, ensureAscii: Value, depth: Value, separators: Value, sortKeys: Value): Value {
  const given = separators === null ? null : iterate(separators).map((text) => textOf(text));
  return toJson(value, {
    ensureAscii: truth(ensureAscii),
    indent: depth === null ? null : typeof depth === 'string' ? depth : ' '.repeat(wholeOf(depth)),
    separators: given === null ? [depth === null ? ', ' : ',', ': '] : [given[0], given[1]],
    sortKeys: truth(sortKeys),
  });
}

function int(value: Value, otherwise: Value, base: Value): Value {
  if (base !== 10) throw new Unsupported('int with a base');
  if (value instanceof Undefined) value.fail();
  const number = typeof value === 'string' ? numberIn(plain(value)) : numeric(value);
  return number === null || !Number.isFinite(number) ? otherwise : Math.trunc(number);
}

function float(value: Value, otherwise: Value): Value {
  if (value instanceof Undefined) value.fail();
  const number = typeof value === 'string' ? numberIn(plain(value)) : numeric(value);
  return number === null ? otherwise : new Float(number);
}

const numberIn = (text: string): number | null =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : null;

const LISTS: Readonly<Record<string, Filter>> = {
  list: filter({}, list),
  length: filter({}, length),
  count: filter({}, length),
  first: filter({}, (value) => at(iterate(value), 0)),
  last: filter({}, (value) => at(iterate(value), -1)),
  reverse: filter({}, (value) =>
    typeof value === 'string' ? characters(value).reverse().join('') : list(value).reverse(),
  ),
  items: filter({}, (value) => {
    if (value instanceof Undefined) return [];
    if (!(value instanceof Dict)) throw new Failure(`items takes a dict, not ${typeName(value)}`);
    return value.entries().map((entry) => Tuple.from<Value>(entry));
  }),
  dictsort: filter({ case_sensitive: false, by: 'key', reverse: false }, (value, exactly, by, reverse) => {
    if (!(value instanceof Dict)) throw new Failure(`dictsort takes a dict, not ${typeName(value)}`);
    const at = by === 'value' ? 1 : 0;
    const entries = value.entries().map((entry) => Tuple.from<Value>(entry));
    return sorted(entries, (entry) => (entry as Tuple)[at], truth(exactly), truth(reverse));
  }),
  abs: filter({}, (value) => {
    if (typeof value === 'number') return Math.abs(value);
    if (value instanceof Float) return new Float(Math.abs(value.value));
    throw new Failure(`abs takes a number, not ${typeName(value)}`);
  }),
  round: filter({ precision: 0, method: 'common' }, round),
};

function round(value: Value, precision: Value, method: Value): Value {
  const number = numeric(value);
  if (number === null) throw new Failure(`round takes a number, not ${typeName(value)}`);
  if (precision !== 0) throw new Unsupported('round to digits behind the point');
  if (method === 'common' && typeof value === 'number') return value;
  const floor = Math.floor(number);
  if (method === 'floor') return new Float(floor);
  if (method === 'ceil') return new Float(Math.ceil(number));
  // Halves go to the even neighbour, as in Python.
  const up = number - floor > 0.5 || (number - floor === 0.5 && floor % 2 !== 0);
  return new Float(up ? floor + 1 : floor);
}

function length(value: Value): Value {
  if (value instanceof Dict) return value.size;
  if (value === null || numeric(value) !== null) throw new Failure(`${typeName(value)} has no length`);
  return iterate(value).length;
}

/** In a stable order. */
function sorted(entries: Value[], key: (entry: Value) => Value, exactly: boolean, reverse: boolean): Value[] {
  const keyOf = (entry: Value) => {
    const value = key(entry);
    return typeof value === 'string' && !exactly ? lower(plain(value)) : value;
  };
  return [...entries].sort((a, b) => compare(keyOf(a), keyOf(b)) * (reverse ? -1 : 1));
}

/** Filters that look into the entries of a list by the rules of `attribute`. */
function entryFilters(attribute: Attribute, apply: (name: string) => Filter): Readonly<Record<string, Filter>> {
  const path = (name: Value) => (entry: Value) =>
    typeof name === 'string'
      ? plain(name)
          .split('.')
          .reduce<Value>((value, part) => attribute(value, /^\d+$/.test(part) ? Number(part) : part), entry)
      : attribute(entry, name);
  const by = (name: Value) => (name === null ? (entry: Value) => entry : path(name));
  const chosen =
    (keeps: boolean, ofField: boolean): Filter =>
    (value, args) => {
      const [field, ...rest] = ofField ? args : [null, ...args];
      if (field === undefined) throw new Failure('selectattr and rejectattr take the name of a field');
      const [name, ...values] = rest;
      const test = name === undefined ? truth : testNamed(plain(textOf(name)));
      return listOrNone(value).filter((entry) => test(by(field)(entry), ...values) === keeps);
    };
  const extreme = (sign: number): Filter =>
    filter({ case_sensitive: false, attribute: null }, (value, exactly, name) => {
      return at(sorted(list(value), by(name), truth(exactly), sign < 0), 0);
    });
  return {
    select: chosen(true, false),
    reject: chosen(false, false),
    selectattr: chosen(true, true),
    rejectattr: chosen(false, true),
    map: (value, args, named) => {
      if (args.length > 0) {
        const each = apply(plain(textOf(args[0])));
        return listOrNone(value).map((entry) => each(entry, args.slice(1), named));
      }
      const [name, otherwise] = bind('map', [], named, { attribute: undefined, default: new Undefined('a field') });
      return listOrNone(value).map((entry) => {
        const found = path(name)(entry);
        return found instanceof Undefined && named.has('default') ? otherwise : found;
      });
    },
    join: filter({ d: '', attribute: null }, (value, between, name) =>
      list(value)
        .map((entry) => str(by(name)(entry)))
        .join(str(between)),
    ),
    sort: filter({ reverse: false, case_sensitive: false, attribute: null }, (value, reverse, exactly, name) => {
      if (typeof name === 'string' && name.includes(',')) throw new Unsupported('sort by several attributes');
      return sorted(list(value), by(name), truth(exactly), truth(reverse));
    }),
    unique: filter({ case_sensitive: false, attribute: null }, (value, exactly, name) => {
      const keyOf = (entry: Value) => {
        const key = by(name)(entry);
        return typeof key === 'string' && !truth(exactly) ? lower(key) : key;
      };
      const kept: Value[] = [];
      for (const entry of list(value)) {
        spend(kept.length);
        if (!kept.some((other) => equal(keyOf(other), keyOf(entry)))) kept.push(entry);
      }
      return kept;
    }),
    sum: filter({ attribute: null, start: 0 }, (value, name, start) =>
      list(value)
        .map(by(name))
        .reduce((sum, entry) => operate('+', sum, entry), start),
    ),
    min: extreme(1),
    max: extreme(-1),
    default: defaulted,
    d: defaulted,
  };
}

const defaulted: Filter = filter({ default_value: '', boolean: false }, (value, otherwise, ofFalse) =>
  value instanceof Undefined || (truth(ofFalse) && !truth(value)) ? otherwise : value,
);

/** All filters that there are. The result throws Unsupported for another name. */
export function createFilters(attribute: Attribute): (name: string) => Filter {
  const apply = (name: string): Filter => {
    if (!Object.hasOwn(all, name)) throw new Unsupported(`the filter "${name}"`);
    return all[name];
  };
  const all: Readonly<Record<string, Filter>> = { ...TEXTS, ...LISTS, ...entryFilters(attribute, apply) };
  return apply;
}
