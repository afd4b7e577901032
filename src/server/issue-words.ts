import type { z } from 'zod';
import { shown } from '../errors.js';

/** A place in a body, as OpenAI writes it: `messages[0].content`. */
export const placeOf = (path: readonly PropertyKey[]): string =>
  path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('');

/** What is wrong with a body: where, and what should stand there. */
interface Told {
  path: readonly PropertyKey[];
  takes: readonly string[];
}

/** What is wrong with a body, in a sentence, and where; null for the whole of it. */
export function tellIssue(issue: z.core.$ZodIssue, body: unknown): { param: string | null; message: string } {
  const { path, takes } = toldIssue(issue);
  const param = path.length === 0 ? null : placeOf(path);
  const given = path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | null)?.[part], body);
  const taken = [...new Set(takes)].join(' or ');
  const place = param ?? 'the body';
  const message =
    given === undefined ? `${place} is missing: it takes ${taken}` : `${place} takes ${taken}, not ${shown(given)}`;
  return { param, message };
}

/**
 * Of what may be one of several things zod says no more than that it is none of them: what is told is the failure of
 * the one that fits best, that is, fails deepest inside; else what all of them are.
 */
function toldIssue(issue: z.core.$ZodIssue): Told {
  // What is wrong with the key of an entry is told of the whole.
  if (issue.code === 'invalid_key') return { path: issue.path.slice(0, -1), takes: [issue.issues[0].message] };
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return { path: issue.path, takes: [issue.message] };
  const tried = issue.errors.map(([first]) => toldIssue(first));
  const deepest = tried.reduce((best, each) => (each.path.length > best.path.length ? each : best));
  const path = [...issue.path, ...deepest.path];
  return { path, takes: deepest.path.length > 0 ? deepest.takes : tried.flatMap(({ takes }) => takes) };
}

/** What zod calls the kinds of values, in words. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What a schema takes where it names nothing itself: the message that zod is to give an issue. */
export function takenInstead(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'too_small':
      return bounded(issue.origin, issue.inclusive === false ? 'above' : 'of at least', issue.minimum);
    case 'too_big':
      return bounded(issue.origin, issue.inclusive === false ? 'below' : 'of at most', issue.maximum);
    default:
      return undefined;
  }
}

const bounded = (origin: string, how: string, bound: number | bigint): string =>
  origin === 'array'
    ? `a list ${how} ${bound} ${bound === 1 ? 'entry' : 'entries'}`
    : `${KINDS[origin] ?? 'a number'} ${how} ${bound}`;
