import type { Alphabet } from './alphabet.js';
import type { CodePointRange } from './code-points.js';
import { Grammar } from './grammar.js';
import type { Refusal } from './schema-values.js';

/** Classes at most: a byte numbers them. */
const MOST_CLASSES = 256;
const END = 0x110000;

/** Characters that a language does not tell apart, and an alphabet in which the number of such a class is a byte. */
export interface CharacterClasses {
  /** The characters of each class. */
  classes: readonly CodePointRange[][];
  alphabetOf(grammar: Grammar): Alphabet;
}

/** The classes of what `write` writes in the alphabet that it is given. */
export function characterClasses(write: (alphabet: Alphabet) => void, refuse: Refusal): CharacterClasses {
  const classes = toldApart(setsOf(write));
  if (classes.length > MOST_CLASSES) refuse(`it tells apart more than ${MOST_CLASSES} classes of characters`);
  return { classes, alphabetOf: (grammar) => numbered(grammar, classes) };
}

/** Nothing is written: what was asked for is noted. */
function setsOf(write: (alphabet: Alphabet) => void): (readonly CodePointRange[])[] {
  const sets = new Map<string, readonly CodePointRange[]>();
  const grammar = new Grammar();
  const character = grammar.byte([0]);
  write({
    grammar,
    character,
    characterIn(ranges) {
      sets.set(ranges.join(), ranges);
      return character;
    },
  });
  return [...sets.values()];
}

function toldApart(sets: readonly (readonly CodePointRange[])[]): CodePointRange[][] {
  const cuts = [...new Set([0, END, ...sets.flat().flatMap(([from, to]) => [from, to + 1])])].sort((a, b) => a - b);
  const classes = new Map<string, CodePointRange[]>();
  for (const [i, from] of cuts.slice(0, -1).entries()) {
    const key = sets.map((ranges) => (holdsPoint(ranges, from) ? 1 : 0)).join('');
    const ranges = classes.get(key) ?? [];
    ranges.push([from, cuts[i + 1] - 1]);
    classes.set(key, ranges);
  }
  return [...classes.values()];
}

function numbered(grammar: Grammar, classes: readonly CodePointRange[][]): Alphabet {
  return {
    grammar,
    character: grammar.byte(classes.keys()),
    characterIn: (ranges) =>
      grammar.byte([...classes.keys()].filter((number) => holdsPoint(ranges, classes[number][0][0]))),
  };
}

const holdsPoint = (ranges: readonly CodePointRange[], point: number) =>
  ranges.some(([from, to]) => from <= point && point <= to);
