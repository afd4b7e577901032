import { Failure, Unsupported } from './failures.js';
import { contains, operate } from './operators.js';
import { isLower, isUpper } from './strings.js';
import { Dict, equal, Float, numeric, str, Undefined, type Value } from './values.js';

const isNumber = (value: Value) => numeric(value) !== null;

/** What stands after `is`. */
const TESTS: Readonly<Record<string, (value: Value, ...args: Value[]) => boolean>> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  number: isNumber,
  integer: (value) => typeof value === 'number',
  float: (value) => value instanceof Float,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: (value) => value instanceof Dict,
  // Jinja asks for a length and for places; texts and dicts have both, and so has what is undefined.
  sequence: (value) =>
    typeof value === 'string' || Array.isArray(value) || value instanceof Dict || value instanceof Undefined,
  iterable: (value) =>
    typeof value === 'string' || Array.isArray(value) || value instanceof Dict || value instanceof Undefined,
  callable: (value) => typeof value === 'function',
  odd: (value) => remainder(value, 2) === 1,
  even: (value) => remainder(value, 2) === 0,
  divisibleby: (value, by) => remainder(value, by) === 0,
  lower: (value) => isLower(str(value)),
  upper: (value) => isUpper(str(value)),
  in: (value, whole) => contains(whole, value),
  sameas: (value, other) => value === other,
  eq: equal,
  ne: (value, other) => !equal(value, other),
  lt: (value, other) => operate('<', value, other) === true,
  le: (value, other) => operate('<=', value, other) === true,
  gt: (value, other) => operate('>', value, other) === true,
  ge: (value, other) => operate('>=', value, other) === true,
};

const OTHER_NAMES: Readonly<Record<string, string>> = {
  '==': 'eq',
  equalto: 'eq',
  '!=': 'ne',
  '<': 'lt',
  lessthan: 'lt',
  '<=': 'le',
  '>': 'gt',
  greaterthan: 'gt',
  '>=': 'ge',
};

/** The test of a name. Throws Unsupported. */
export function testNamed(name: string): (value: Value, ...args: Value[]) => boolean {
  const known = OTHER_NAMES[name] ?? name;
  if (!Object.hasOwn(TESTS, known)) throw new Unsupported(`the test "is ${name}"`);
  const test = TESTS[known];
  return (value, ...args) => {
    if (args.length !== test.length - 1) throw new Failure(`the test ${name} takes ${test.length - 1} values`);
    return test(value, ...args);
  };
}

function remainder(value: Value, by: Value): number | null {
  const result = operate('%', value, by);
  return numeric(result);
}
