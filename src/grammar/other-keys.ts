import type { Alphabet } from './alphabet.js';
import { type CodePointRange, without } from './code-points.js';
import type { NodeId } from './grammar.js';

/** Names by their first characters. */
interface Names {
  ends: boolean;
  next: Map<number, Names>;
}

/** A text of characters of `ranges` that is none of `names`. */
export function keyWithout(
  alphabet: Pick<Alphabet, 'grammar' | 'characterIn'>,
  names: readonly string[],
  ranges: readonly CodePointRange[],
): NodeId {
  const { grammar } = alphabet;
  const root: Names = { ends: false, next: new Map() };
  for (const name of names) {
    let at = root;
    for (const character of name) {
      const codePoint = character.codePointAt(0)!;
      if (!at.next.has(codePoint)) at.next.set(codePoint, { ends: false, next: new Map() });
      at = at.next.get(codePoint)!;
    }
    at.ends = true;
  }
  const anything = grammar.repeat(alphabet.characterIn(ranges), 0, Number.POSITIVE_INFINITY);
  const isIn = (codePoint: number) => ranges.some(([from, to]) => from <= codePoint && codePoint <= to);
  const otherThan = ({ ends, next }: Names): NodeId => {
    const known = [...next.keys()].map((codePoint): CodePointRange => [codePoint, codePoint]);
    const options = [grammar.sequence(alphabet.characterIn(without(ranges, known)), anything)];
    if (!ends) options.push(grammar.empty);
    for (const [codePoint, more] of next)
      if (isIn(codePoint))
        options.push(grammar.sequence(alphabet.characterIn([[codePoint, codePoint]]), otherThan(more)));
    return grammar.choice(...options);
  };
  return otherThan(root);
}
