/*
 * Patterns that cut numbers into groups of three digits from the right. Each digit of a number looks ahead to its end,
 * so with a regular expression a number of n digits takes n * n steps. These take n.
 */

/** Where a pattern matches: [from, to) in UTF-16 units. Where from is to, the text is cut and nothing is matched. */
export type Matches = (text: string) => Iterable<readonly [from: number, to: number]>;

/** The patterns, by how tokenizer.json writes them. */
export const DIGIT_GROUPS: ReadonlyMap<string, Matches> = new Map([
  // SuperBPE (arXiv 2503.13423): no match, but a cut before each group.
  ['(?=(\\d{3})+(?!\\d))', cuts],
  // Command A, Tiny Aya: groups, where no letter follows the number.
  ['\\d{1,3}(?=(?:\\d{3})*\\b)', (text: string) => groups(text, /\p{Nd}+/gu, NO_WORD)],
  // AFMoE, as llama.cpp has it in src/unicode.cpp.
  ['\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))', (text: string) => groups(text, /\p{N}+/gu, /(?:)/y)],
]);

/** Oniguruma's \w does not follow here. */
const NO_WORD = /(?![\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u00b2\u00b3\u00b9\u00bc-\u00be])/uy;

function* cuts(text: string): Generator<[number, number]> {
  for (const { 0: number, index } of text.matchAll(/\p{Nd}+/gu))
    for (const begin of begins(number)) yield [index + begin, index + begin];
}

function* groups(text: string, numbers: RegExp, after: RegExp): Generator<[number, number]> {
  for (const { 0: number, index } of text.matchAll(numbers)) {
    after.lastIndex = index + number.length;
    if (!after.test(text)) continue;
    let from = 0;
    for (const begin of [...begins(number), number.length]) {
      if (begin > from) yield [index + from, index + begin];
      from = begin;
    }
  }
}

/** Where groups of three digits begin, counted from the right. */
function begins(number: string): number[] {
  const digits: number[] = [];
  for (let at = 0; at < number.length; at += number.codePointAt(at)! > 0xffff ? 2 : 1) digits.push(at);
  return digits.filter((_, index) => (digits.length - index) % 3 === 0);
}
