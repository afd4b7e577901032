import type { Alphabet } from './alphabet.js';
import { Automaton, DEAD, type StateId } from './automaton.js';
import { characterClasses } from './character-classes.js';
import type { CodePointRange } from './code-points.js';
import { Grammar, type NodeId } from './grammar.js';
import { type Condition, conditionNode, conditionsOf, type Refusals } from './pattern.js';

/** Characters of a text at most, where those of any length have too many states. */
const MOST_CHARACTERS = 256;

/** What a text has to keep: regular expressions, and from `min` to `max` characters. */
export interface TextRules {
  patterns: readonly string[];
  min: number;
  max: number;
}

/** States of several conditions together, at most: each is a rule of its own. */
const MOST_STATES = 10_000;

/** Texts that keep rules. */
export function heldText(alphabet: Alphabet, { patterns, min, max }: TextRules, refusals: Refusals): NodeId {
  const conditions = patterns.flatMap((pattern) => conditionsOf(pattern, refusals));
  const [condition] = conditions;
  if (conditions.length === 1 && min === 0 && max === Number.POSITIVE_INFINITY)
    return conditionNode(alphabet, condition, refusals.refuse);
  // Shorter texts are valid, too: there are fewer states of them.
  for (let most = max; most >= min; most = Math.min(MOST_CHARACTERS, Math.floor(most / 2))) {
    const product = productOf(conditions, min, most, refusals);
    if (product !== null) return productNode(alphabet, product);
    if (most === 0) break;
  }
  return refusals.refuse(`it is too much together: patterns, formats and lengths take more than ${MOST_STATES} states`);
}

/** An automaton that keeps all of several conditions. */
interface Product {
  classes: readonly CodePointRange[][];
  states: readonly { complete: boolean; next: ReadonlyMap<number, number[]> }[];
}

/** A state of each condition, and the characters that came as far as they count. */
interface Place {
  at: readonly StateId[];
  count: number;
}

/** Null where it has too many states. */
function productOf(conditions: readonly Condition[], min: number, max: number, { refuse }: Refusals): Product | null {
  const { classes, alphabetOf } = characterClasses((alphabet) => {
    for (const condition of conditions) conditionNode(alphabet, condition, refuse);
  }, refuse);
  const automata = conditions.map((condition) => {
    const grammar = new Grammar();
    const root = conditionNode(alphabetOf(grammar), condition, refuse);
    return { automaton: new Automaton(grammar, null), root, negate: condition.negate };
  });
  const counted = Number.isFinite(max) ? max : min;
  const numbers = new Map<string, number>();
  const places: Place[] = [];
  const numberOf = (place: Place): number => {
    const key = `${place.at.join()}:${place.count}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, places.length);
    return places.push(place) - 1;
  };
  const isComplete = ({ at, count }: Place) =>
    count >= min &&
    automata.every(({ automaton, negate }, i) => (at[i] !== DEAD && automaton.isComplete(at[i])) !== negate);
  const states: { complete: boolean; next: Map<number, number[]> }[] = [];
  numberOf({ at: automata.map(({ automaton, root }) => automaton.start(root)), count: 0 });
  for (let place = places[0]; place !== undefined; place = places[states.length]) {
    if (places.length > MOST_STATES) return null;
    const next = new Map<number, number[]>();
    states.push({ complete: isComplete(place), next });
    if (place.count === max) continue;
    for (let kind = 0; kind < classes.length; kind++) {
      const at = automata.map(({ automaton }, i) => (place.at[i] === DEAD ? DEAD : automaton.step(place.at[i], kind)));
      // What may not come, and no longer can, holds nothing up.
      if (automata.some(({ negate }, i) => at[i] === DEAD && !negate)) continue;
      const target = numberOf({ at, count: Math.min(counted, place.count + 1) });
      next.set(target, [...(next.get(target) ?? []), kind]);
    }
  }
  return { classes, states };
}

function productNode(alphabet: Alphabet, { classes, states }: Product): NodeId {
  const { grammar } = alphabet;
  const rules = states.map(() => grammar.rule());
  const characters = new Map<string, NodeId>();
  const characterOf = (kinds: readonly number[]): NodeId => {
    const key = kinds.join();
    const known = characters.get(key) ?? alphabet.characterIn(kinds.flatMap((kind) => classes[kind]));
    characters.set(key, known);
    return known;
  };
  states.forEach(({ complete, next }, i) => {
    const steps = [...next].map(([target, kinds]) => grammar.sequence(characterOf(kinds), rules[target].node));
    rules[i].define(grammar.choice(...(complete ? [grammar.empty] : []), ...steps));
  });
  return rules[0].node;
}
