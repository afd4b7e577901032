import { Failure, Unsupported } from './failures.js';
import { characters, plain } from './marks.js';
import { Dict, Float, numeric, repr, str, Tuple, typeName, type Value } from './values.js';

const FIELD = /%(?:\(([^)]*)\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g;

/** Python's `text % values`, with %s, %r, %d, %i, %f, %x and %%. Throws Unsupported for other fields. */
export function printf(format: string, values: Value): string {
  const waiting = values instanceof Tuple ? [...values] : [values];
  let result = '';
  let from = 0;
  let used = values instanceof Dict ? 1 : 0;
  const text = plain(format);
  if (text !== format) throw new Unsupported('`%` on a text of a message');
  for (const match of text.matchAll(FIELD)) {
    const [whole, name, flags, width, precision, kind] = match;
    result += unescapedRest(text.slice(from, match.index));
    from = match.index + whole.length;
    if (kind === '%') result += '%';
    else {
      const value = name === undefined ? waiting[used++] : values instanceof Dict ? values.get(name) : undefined;
      if (value === undefined) throw new Failure('not enough values for the fields of a text');
      result += padded(field(kind, flags, precision, value), flags, Number(width));
    }
  }
  if (used < waiting.length) throw new Failure('more values than fields in a text');
  return result + unescapedRest(text.slice(from));
}

function unescapedRest(text: string): string {
  if (text.includes('%')) throw new Unsupported(`the field ${JSON.stringify(text.slice(text.indexOf('%')))} of a text`);
  return text;
}

function field(kind: string, flags: string, precision: string | undefined, value: Value): string {
  if (kind === 's' || kind === 'r') {
    const text = kind === 's' ? str(value) : repr(value);
    return precision === undefined ? text : characters(text).slice(0, Number(precision)).join('');
  }
  const number = numeric(value);
  if (number === null) throw new Failure(`%${kind} takes a number, not ${typeName(value)}`);
  const sign = number >= 0 && flags.includes('+') ? '+' : number >= 0 && flags.includes(' ') ? ' ' : '';
  if ((kind === 'd' || kind === 'i') && precision === undefined) return sign + String(Math.trunc(number));
  if (kind === 'f') return sign + number.toFixed(precision === undefined ? 6 : Number(precision));
  if (kind === 'x' && !(value instanceof Float) && precision === undefined && flags === '') return number.toString(16);
  throw new Unsupported(`the field %${kind} with these settings`);
}

function padded(text: string, flags: string, width: number): string {
  const missing = width - characters(text).length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[-+ ]/.test(text) ? text[0] : '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}
