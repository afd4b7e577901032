import type { Grammar, NodeId } from './grammar.js';
import type { ValueGrammar } from './values.js';

/** The greatest number of 15 digits: so many does a double tell apart. */
const MOST = 10n ** 15n - 1n;
/** Places after the point; one more than a bound has, where it has that many. */
const MOST_PLACES = 15;
const ZERO = 0x30;

/** A bound of a number. */
export interface Bound {
  value: number;
  /** Whether the number may not be the bound itself. */
  open: boolean;
}

/** What a number may be; null is no bound. */
export interface NumberRange {
  from: Bound | null;
  to: Bound | null;
}

/** Places beyond those of an open bound, so that there are numbers next to it. */
const PLACES_AT_OPEN = 3;

/** Whole numbers of a range, of at most 15 digits where it has no bound. Null where there are none. */
export function integersBetween({ grammar }: ValueGrammar, { from, to }: NumberRange): NodeId | null {
  const low = from && (from.open ? BigInt(Math.floor(from.value)) + 1n : BigInt(Math.ceil(from.value)));
  const high = to && (to.open ? BigInt(Math.ceil(to.value)) - 1n : BigInt(Math.floor(to.value)));
  const options = signed(grammar, low ?? least(high, 0), high ?? most(low, 0), 0);
  return options.length === 0 ? null : grammar.choice(...options);
}

/** Numbers of a range, with any number of places. Exponents are left out. Null where there are none. */
export function numbersBetween(values: ValueGrammar, { from, to }: NumberRange): NodeId | null {
  const { grammar } = values;
  const places = Math.max(placesOf(from), placesOf(to));
  const scaledFrom = from && nearest(from, places, 1n);
  const scaledTo = to && nearest(to, places, -1n);
  const [low, high] = [scaledFrom ?? least(scaledTo, places), scaledTo ?? most(scaledFrom, places)];
  const options: NodeId[] = [];
  for (let fewer = 0; fewer <= places; fewer++) {
    const unit = 10n ** BigInt(places - fewer);
    options.push(...signed(grammar, upTo(low, unit), downTo(high, unit), fewer));
  }
  // Further digits lead away from zero, by less than one of the last place.
  const furtherPlaces = Math.max(1, MOST_PLACES - places);
  const further = places === 0 ? values.fraction(1) : grammar.repeat(values.digit, 1, furtherPlaces);
  for (const digits of awayFromZero(grammar, low, high, places)) options.push(grammar.sequence(digits, further));
  return options.length === 0 ? null : grammar.choice(...options);
}

/** `value` in whole units, rounded up, and rounded down. */
const upTo = (value: bigint, unit: bigint) => -downTo(-value, unit);
const downTo = (value: bigint, unit: bigint) => (value - (((value % unit) + unit) % unit)) / unit;

/** What stands for no bound, in units of the last place. */
const least = (high: bigint | null, places: number) => -most(high && -high, places);
function most(low: bigint | null, places: number): bigint {
  const greatest = MOST * 10n ** BigInt(places);
  return low !== null && low > greatest ? low : greatest;
}

/** Places after the point of a bound, as it is written without an exponent. */
function placesOf(bound: Bound | null): number {
  if (bound === null) return 0;
  const open = bound.open ? PLACES_AT_OPEN : 0;
  if (Number.isInteger(bound.value)) return open;
  const [, places = '', exponent = '0'] = /^-?\d*\.?(\d*)(?:e([+-]\d+))?$/.exec(String(bound.value))!;
  return open + Math.max(0, places.length - Number(exponent));
}

/**
 * What a bound allows that is nearest to it, in units of the last place. Beside an open bound it is the first power of
 * ten away that is another double: whoever reads a number that is closer by would round it to the bound itself.
 */
function nearest({ value, open }: Bound, places: number, away: 1n | -1n): bigint {
  const scaled = scale(value, places);
  if (!open) return scaled;
  let step: bigint = away;
  while (Number(`${scaled + step}e-${places}`) === value) step *= 10n;
  return scaled + step;
}

/** `value` times 10 to the power of `places`, exactly. */
function scale(value: number, places: number): bigint {
  const [whole, fraction = ''] = (Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(places)).split(
    '.',
  );
  return BigInt(whole + fraction.padEnd(places, '0'));
}

/** Decimal numbers of `places` after the point whose digits without it are from `low` to `high`. */
function signed(grammar: Grammar, low: bigint, high: bigint, places: number): NodeId[] {
  const options: NodeId[] = [];
  if (low > high) return options;
  if (high >= 0n) options.push(digitsBetween(grammar, low > 0n ? low : 0n, high, places));
  if (low < 0n) options.push(negative(grammar, high < 0n ? -high : 1n, -low, places));
  return options;
}

/** The same, for those that stay in the range whatever digits follow. */
function awayFromZero(grammar: Grammar, low: bigint, high: bigint, places: number): NodeId[] {
  const options: NodeId[] = [];
  if (high > 0n && low < high) options.push(digitsBetween(grammar, low > 0n ? low : 0n, high - 1n, places));
  if (low < 0n && low < high) options.push(negative(grammar, high < 0n ? -high : 0n, -low - 1n, places));
  return options;
}

const negative = (grammar: Grammar, from: bigint, to: bigint, places: number): NodeId =>
  grammar.sequence(grammar.literal('-'), digitsBetween(grammar, from, to, places));

/** The numbers from `low` to `high`, not below zero, with a point before the last `places` digits. */
function digitsBetween(grammar: Grammar, low: bigint, high: bigint, places: number): NodeId {
  const options: NodeId[] = [];
  for (let length = places + 1, first = 0n; ; length++) {
    const last = 10n ** BigInt(length) - 1n;
    const [from, to] = [low > first ? low : first, high < last ? high : last];
    if (from <= to) options.push(sameLength(grammar, padded(from, length), padded(to, length), places));
    if (high <= last) break;
    first = last + 1n;
  }
  return grammar.choice(...options);
}

const padded = (value: bigint, length: number) => value.toString().padStart(length, '0');

/** All digits of one length from `low` to `high`; before the last `places` of them stands a point. */
function sameLength(grammar: Grammar, low: string, high: string, places: number): NodeId {
  if (low === '') return grammar.empty;
  const rest = low.length - 1;
  const point = rest === places && places > 0 ? grammar.literal('.') : grammar.empty;
  const [least, most] = ['0'.repeat(rest), '9'.repeat(rest)];
  const digit = (from: number, to: number, restFrom: string, restTo: string) =>
    grammar.sequence(grammar.byteBetween(ZERO + from, ZERO + to), point, sameLength(grammar, restFrom, restTo, places));
  let [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (first === last) return digit(first, last, lowRest, highRest);
  const options: NodeId[] = [];
  if (lowRest !== least) options.push(digit(first, first++, lowRest, most));
  if (highRest !== most) options.push(digit(last, last--, least, highRest));
  if (first <= last) options.push(digit(first, last, least, most));
  return grammar.choice(...options);
}
