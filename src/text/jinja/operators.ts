import { Failure, ReadAsText, Unsupported } from './failures.js';
import { characters, plain } from './marks.js';
import { printf } from './printf.js';
import {
  compare,
  Dict,
  equal,
  Float,
  iterate,
  numeric,
  Parts,
  str,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.js';

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

export const isComparison = (operator: string): boolean =>
  operator in COMPARISONS || ['==', '!=', 'in', 'not in'].includes(operator);

/** A binary operator but `and` and `or`, with Python's rules for its operands. Throws Failure or Unsupported. */
export function operate(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case '~':
      return str(left) + str(right);
  }
  for (const value of [left, right]) if (value instanceof Undefined) value.fail();
  if (operator in COMPARISONS) return COMPARISONS[operator](compare(left, right));
  return calculate(operator, left, right) ?? combine(operator, left, right);
}

export function contains(whole: Value, part: Value): boolean {
  if (typeof whole === 'string') {
    if (typeof part !== 'string') throw new Failure(`a ${typeName(part)} cannot be in a text`);
    return plain(whole).includes(plain(part));
  }
  if (whole instanceof Parts && typeof part === 'string') throw new ReadAsText(whole);
  if (whole instanceof Dict) return whole.has(part);
  return iterate(whole).some((entry) => equal(entry, part));
}

function calculate(operator: string, left: Value, right: Value): Value | null {
  const a = numeric(left);
  const b = numeric(right);
  if (a === null || b === null) return null;
  if (['/', '//', '%'].includes(operator) && b === 0) throw new Failure('division by zero');
  const whole = !(left instanceof Float || right instanceof Float);
  switch (operator) {
    case '+':
      return number(a + b, whole);
    case '-':
      return number(a - b, whole);
    case '*':
      return number(a * b, whole);
    case '/':
      return new Float(a / b);
    case '//':
      return number(Math.floor(a / b), whole);
    case '%':
      return number(a - b * Math.floor(a / b), whole);
    case '**':
      return number(a ** b, whole && b >= 0);
    default:
      throw new Unsupported(`the operator ${operator}`);
  }
}

function number(value: number, whole: boolean): Value {
  if (!whole) return new Float(value);
  if (!Number.isSafeInteger(value)) throw new Unsupported('whole numbers beyond 2**53');
  return value === 0 ? 0 : value;
}

function combine(operator: string, left: Value, right: Value): Value {
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return left + right;
    for (const value of [left, right]) if (value instanceof Parts) throw new ReadAsText(value);
    if (Array.isArray(left) && Array.isArray(right) && left instanceof Tuple === right instanceof Tuple)
      return left.concat(right);
  }
  if (operator === '%' && typeof left === 'string') return printf(left, right);
  if (operator === '*') {
    const [sequence, times] = typeof left === 'number' ? [right, left] : [left, right];
    if (typeof times === 'number' && (typeof sequence === 'string' || Array.isArray(sequence)))
      return repeat(sequence, Math.max(0, times));
  }
  throw new Failure(`${typeName(left)} ${operator} ${typeName(right)} cannot be computed`);
}

function repeat(sequence: string | Value[], times: number): Value {
  if (sequence.length * times > 1e6) throw new Failure('a repeated text is longer than a million characters');
  if (typeof sequence === 'string') return sequence.repeat(times);
  const all: Value[] = sequence instanceof Tuple ? new Tuple() : [];
  for (let time = 0; time < times; time++) all.push(...sequence);
  return all;
}

/** `value[start:stop:step]`. */
export function slice(value: Value, start: Value, stop: Value, step: Value): Value {
  if (value instanceof Undefined) value.fail();
  if (typeof value !== 'string' && !Array.isArray(value))
    throw new Failure(`${typeName(value)} has no parts to cut out`);
  if (value instanceof Parts) value.visited = true;
  const all: Value[] = typeof value === 'string' ? characters(value) : value;
  const by = bound(step) ?? 1;
  if (by === 0) throw new Failure('a slice with the step 0');
  const limit = (given: number | null, missing: number) => {
    if (given === null) return missing;
    const at = given < 0 ? given + all.length : given;
    return by > 0 ? Math.min(Math.max(at, 0), all.length) : Math.min(Math.max(at, -1), all.length - 1);
  };
  const from = limit(bound(start), by > 0 ? 0 : all.length - 1);
  const to = limit(bound(stop), by > 0 ? all.length : -1);
  const picked: Value[] = value instanceof Tuple ? new Tuple() : [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) picked.push(all[at]);
  return typeof value === 'string' ? picked.join('') : picked;
}

function bound(value: Value): number | null {
  if (value === null || typeof value === 'number') return value;
  if (value instanceof Undefined) value.fail();
  throw new Failure(`a slice from or to a ${typeName(value)}`);
}
