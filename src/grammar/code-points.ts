import type { Grammar, NodeId } from './grammar.js';

/** Code points from the first to the second, both included. */
export type CodePointRange = readonly [number, number];

/** The last code points that UTF-8 writes in one, two, three and four bytes. */
const LAST = [0x7f, 0x7ff, 0xffff, 0x10ffff];
/** Halves of pairs in UTF-16. They are no characters, and UTF-8 has none. */
const SURROGATES: CodePointRange = [0xd800, 0xdfff];
const ALL: CodePointRange = [0, 0x10ffff];

/** One character of `ranges`, in UTF-8 (RFC 3629). */
export function characterOf(grammar: Grammar, ranges: readonly CodePointRange[]): NodeId {
  const options = without(ranges, [SURROGATES]).flatMap(([from, to]) =>
    LAST.flatMap((last, i) => {
      const low = Math.max(from, i === 0 ? 0 : LAST[i - 1] + 1);
      const high = Math.min(to, last);
      return low > high ? [] : sameLength(grammar, bytesOf(low), bytesOf(high));
    }),
  );
  return grammar.choice(...options);
}

/** All byte strings of one length from `low` to `high`, whose bytes after the first run from 0x80 to 0xbf. */
function sameLength(grammar: Grammar, low: readonly number[], high: readonly number[]): NodeId[] {
  const [first, ...restLow] = low;
  const [last, ...restHigh] = high;
  if (low.length === 1) return [grammar.byteBetween(first, last)];
  const tail = (from: readonly number[], to: readonly number[]) => grammar.choice(...sameLength(grammar, from, to));
  const least = restLow.map(() => 0x80);
  const most = restLow.map(() => 0xbf);
  if (first === last) return [grammar.sequence(grammar.byte([first]), tail(restLow, restHigh))];
  const between =
    last - first > 1 ? [grammar.sequence(grammar.byteBetween(first + 1, last - 1), tail(least, most))] : [];
  return [
    grammar.sequence(grammar.byte([first]), tail(restLow, most)),
    ...between,
    grammar.sequence(grammar.byte([last]), tail(least, restHigh)),
  ];
}

const bytesOf = (codePoint: number): number[] => [...new TextEncoder().encode(String.fromCodePoint(codePoint))];

/** `ranges` without what is in `holes`; ascending. */
export function without(ranges: readonly CodePointRange[], holes: readonly CodePointRange[]): CodePointRange[] {
  return holes
    .reduce<CodePointRange[]>(
      (left, [from, to]) =>
        left.flatMap(([low, high]): CodePointRange[] => {
          if (to < low || from > high) return [[low, high]];
          const before: CodePointRange[] = low < from ? [[low, from - 1]] : [];
          return high > to ? [...before, [to + 1, high]] : before;
        }),
      [...ranges],
    )
    .sort(([a], [b]) => a - b);
}

/** Whether a text of JavaScript holds half of a pair without the other: it cannot be written in UTF-8. */
export const holdsLoneSurrogate = (text: string): boolean => /\p{Surrogate}/u.test(text);

/** Whether there is a character in `ranges`, and not surrogates alone. */
export const holdsCharacters = (ranges: readonly CodePointRange[]): boolean => without(ranges, [SURROGATES]).length > 0;

export const complement = (ranges: readonly CodePointRange[]): CodePointRange[] => without([ALL], ranges);
