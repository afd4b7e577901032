import { Unsupported } from './failures.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** A number, the digits that it is padded to, and what pads it. */
const padded = (value: number, width: number, pad = '0') => ({ value, width, pad });
type Part = string | ReturnType<typeof padded>;

const hour12 = (date: Date) => date.getHours() % 12 || 12;
const dayOfYear = (date: Date) =>
  Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 864e5,
  );
/** The week of the year whose first week begins on its first Sunday (0) or Monday (1). */
const week = (date: Date, first: number) => Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 7 - first) % 7)) / 7);

/** Python's directives in the C locale, of a local time that knows no zone. */
const DIRECTIVES: Readonly<Record<string, (date: Date) => Part>> = {
  a: (date) => DAYS[date.getDay()].slice(0, 3),
  A: (date) => DAYS[date.getDay()],
  b: (date) => MONTHS[date.getMonth()].slice(0, 3),
  h: (date) => MONTHS[date.getMonth()].slice(0, 3),
  B: (date) => MONTHS[date.getMonth()],
  c: (date) => strftime('%a %b %e %H:%M:%S %Y', date),
  C: (date) => padded(Math.floor(date.getFullYear() / 100), 2),
  d: (date) => padded(date.getDate(), 2),
  D: (date) => strftime('%m/%d/%y', date),
  e: (date) => padded(date.getDate(), 2, ' '),
  f: (date) => padded(date.getMilliseconds() * 1000, 6),
  F: (date) => strftime('%Y-%m-%d', date),
  H: (date) => padded(date.getHours(), 2),
  I: (date) => padded(hour12(date), 2),
  j: (date) => padded(dayOfYear(date) + 1, 3),
  k: (date) => padded(date.getHours(), 2, ' '),
  l: (date) => padded(hour12(date), 2, ' '),
  m: (date) => padded(date.getMonth() + 1, 2),
  M: (date) => padded(date.getMinutes(), 2),
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => strftime('%I:%M:%S %p', date),
  R: (date) => strftime('%H:%M', date),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => padded(date.getSeconds(), 2),
  t: () => '\t',
  T: (date) => strftime('%H:%M:%S', date),
  u: (date) => padded(date.getDay() || 7, 1),
  U: (date) => padded(week(date, 0), 2),
  w: (date) => padded(date.getDay(), 1),
  W: (date) => padded(week(date, 1), 2),
  x: (date) => strftime('%m/%d/%y', date),
  X: (date) => strftime('%H:%M:%S', date),
  y: (date) => padded(date.getFullYear() % 100, 2),
  Y: (date) => padded(date.getFullYear(), 1),
  // Python writes nothing for the zone of a time that has none, and `datetime.now()` has none.
  z: () => '',
  Z: () => '',
  '%': () => '%',
};

/**
 * Python's `datetime.strftime` in English, whatever the machine's language. Takes glibc's flags `-`, `_` and `0`.
 * Throws Unsupported for a directive that it does not know.
 */
export function strftime(format: string, date: Date): string {
  return format.replace(/%([-_0]?)(.?)/gsu, (whole, flag: string, name: string) => {
    if (!Object.hasOwn(DIRECTIVES, name)) throw new Unsupported(`the directive ${whole} of strftime_now`);
    const part = DIRECTIVES[name](date);
    if (typeof part === 'string') return part;
    if (flag === '-') return String(part.value);
    return String(part.value).padStart(part.width, flag === '_' ? ' ' : flag === '0' ? '0' : part.pad);
  });
}
