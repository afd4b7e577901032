import { type AST, RegExpParser } from '@eslint-community/regexpp';
import type { Alphabet } from './alphabet.js';
import { type CodePointRange, complement, holdsCharacters } from './code-points.js';
import type { NodeId } from './grammar.js';
import type { Refusal } from './schema-values.js';

/** Repetitions that a pattern may count: each makes a state of its own. */
const MOST_COUNTED = 10_000;

const DIGITS: CodePointRange[] = [[0x30, 0x39]];
const WORD: CodePointRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** WhiteSpace and LineTerminator of ECMA-262. */
const SPACE: CodePointRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CodePointRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const SETS: Readonly<Record<string, CodePointRange[]>> = { digit: DIGITS, word: WORD, space: SPACE };

/** What refuses a pattern: one that cannot be kept, and one that is none. */
export interface Refusals {
  refuse: Refusal;
  bad: Refusal;
}

/** What a text has to have somewhere, or at its beginning; or what it may not have there. */
export interface Condition {
  alternatives: readonly AST.Alternative[];
  atStart: boolean;
  negate: boolean;
}

/**
 * The conditions of a regular expression of ECMA-262 (with the flag u, as JSON Schema wants it). Those behind `^` that
 * look ahead are conditions of their own. The first is none of them.
 */
export function conditionsOf(pattern: string, { refuse, bad }: Refusals): Condition[] {
  const { alternatives } = parsed(pattern, true, (why) => {
    // Another word for the same, without the flag, is right: it is not kept, and not wrong.
    parsed(pattern, false, bad);
    return refuse(`it is no regular expression with the flag u: ${why}`);
  });
  const [{ elements }] = alternatives;
  const ahead = alternatives.length === 1 && isEdge(elements[0], 'start') ? leading(elements.slice(1)) : [];
  if (ahead.length === 0) return [{ alternatives, atStart: false, negate: false }];
  const rest = { ...alternatives[0], elements: elements.slice(1 + ahead.length) };
  return [
    { alternatives: [rest], atStart: true, negate: false },
    ...ahead.map((look) => ({ alternatives: look.alternatives, atStart: true, negate: look.negate })),
  ];
}

function parsed(pattern: string, unicode: boolean, fail: Refusal): AST.Pattern {
  try {
    return new RegExpParser({ ecmaVersion: 2024 }).parsePattern(pattern, 0, pattern.length, { unicode });
  } catch (error) {
    return fail(`it is no regular expression: ${(error as Error).message}`);
  }
}

/** The look-aheads that elements begin with. */
function leading(elements: readonly AST.Element[]): AST.LookaheadAssertion[] {
  const isAhead = (element: AST.Element) => element.type === 'Assertion' && element.kind === 'lookahead';
  const end = elements.findIndex((element) => !isAhead(element));
  return elements.slice(0, end < 0 ? elements.length : end) as AST.LookaheadAssertion[];
}

/** Texts that a condition is found in. Without `^` and `$` anything may stand before and after. */
export const conditionNode = (alphabet: Alphabet, condition: Condition, refuse: Refusal): NodeId =>
  new PatternCompiler(alphabet, refuse).whole(condition);

class PatternCompiler {
  readonly #alphabet: Alphabet;
  readonly #refuse: Refusal;

  constructor(alphabet: Alphabet, refuse: Refusal) {
    this.#alphabet = alphabet;
    this.#refuse = refuse;
  }

  whole({ alternatives, atStart }: Condition): NodeId {
    const { grammar, character } = this.#alphabet;
    const anything = grammar.repeat(character, 0, Number.POSITIVE_INFINITY);
    const options = alternatives.map(({ elements }) => {
      const begins = isEdge(elements[0], 'start');
      const ends = isEdge(elements[elements.length - 1], 'end');
      const inner = elements.slice(begins ? 1 : 0, ends ? elements.length - 1 : elements.length);
      const parts = inner.map((element) => this.#element(element));
      return grammar.sequence(...(begins || atStart ? [] : [anything]), ...parts, ...(ends ? [] : [anything]));
    });
    return grammar.choice(...options);
  }

  #element(element: AST.Element): NodeId {
    switch (element.type) {
      case 'Character':
        return this.#set([[element.value, element.value]], element.raw);
      case 'CharacterClass':
        return this.#set(this.#rangesOfClass(element), element.raw);
      case 'CharacterSet':
        return this.#set(this.#rangesOfSet(element), element.raw);
      case 'CapturingGroup':
      case 'Group':
        return this.#group(element.alternatives);
      case 'Quantifier':
        return this.#repeated(element);
      case 'Assertion':
        if (element.kind === 'start' || element.kind === 'end')
          return this.#refuse(`${element.raw} stands inside of it; only at its ends it can be kept`);
        return this.#refuse(`${element.raw} cannot be kept`);
      default:
        return this.#refuse(`${element.raw} cannot be kept`);
    }
  }

  #group(alternatives: readonly AST.Alternative[]): NodeId {
    const { grammar } = this.#alphabet;
    const options = alternatives.map(({ elements }) =>
      grammar.sequence(...elements.map((element) => this.#element(element))),
    );
    return grammar.choice(...options);
  }

  #repeated({ element, min, max, raw }: AST.Quantifier): NodeId {
    if (min > MOST_COUNTED || (Number.isFinite(max) && max > MOST_COUNTED))
      this.#refuse(`${raw} counts beyond ${MOST_COUNTED}`);
    return this.#alphabet.grammar.repeat(this.#element(element as AST.Element), min, max);
  }

  #set(ranges: CodePointRange[], raw: string): NodeId {
    if (ranges.length === 0) this.#refuse('a class of characters is empty');
    if (!holdsCharacters(ranges))
      this.#refuse(`${raw} is a lone surrogate (half of a pair of UTF-16), which no text in UTF-8 can hold`);
    return this.#alphabet.characterIn(ranges);
  }

  #rangesOfClass({ elements, negate }: AST.CharacterClass): CodePointRange[] {
    const ranges = elements.flatMap((element): CodePointRange[] => {
      if (element.type === 'Character') return [[element.value, element.value]];
      if (element.type === 'CharacterClassRange') return [[element.min.value, element.max.value]];
      if (element.type === 'CharacterSet') return this.#rangesOfSet(element);
      return this.#refuse(`${element.raw} cannot be kept`);
    });
    return negate ? complement(ranges) : ranges;
  }

  #rangesOfSet(set: AST.CharacterSet): CodePointRange[] {
    if (set.kind === 'any') return complement(LINE_ENDS);
    const ranges = SETS[set.kind] as CodePointRange[] | undefined;
    if (ranges === undefined) return this.#refuse(`${set.raw} cannot be kept`);
    return 'negate' in set && set.negate ? complement(ranges) : ranges;
  }
}

const isEdge = (element: AST.Element | undefined, kind: 'start' | 'end') =>
  element?.type === 'Assertion' && element.kind === kind;
