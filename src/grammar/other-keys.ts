import { type CodePointRange, complement } from './code-points.js';
import type { NodeId } from './grammar.js';
import type { JsonGrammar } from './json.js';

/** Names by their first characters. */
interface Names {
  ends: boolean;
  next: Map<number, Names>;
}

/** A key that is none of `names`. Where there are names, it has no escapes: one of them might be spelled so. */
export function keyWithout(json: JsonGrammar, names: readonly string[]): NodeId {
  if (names.length === 0) return json.text(0, Number.POSITIVE_INFINITY);
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
  return json.quoted(otherThan(json, root));
}

/** Characters that stand in a string as they are, all but those that need an escape. */
const ESCAPED: readonly CodePointRange[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];

function otherThan(json: JsonGrammar, { ends, next }: Names): NodeId {
  const { grammar } = json;
  const known = [...next.keys()].map((codePoint): CodePointRange => [codePoint, codePoint]);
  const plain = json.characterIn(complement(ESCAPED));
  const apart = grammar.sequence(
    json.characterIn(complement([...ESCAPED, ...known])),
    grammar.repeat(plain, 0, Number.POSITIVE_INFINITY),
  );
  const options = [apart, ...(ends ? [] : [grammar.empty])];
  for (const [codePoint, names] of next)
    options.push(grammar.sequence(json.characterIn([[codePoint, codePoint]]), otherThan(json, names)));
  return grammar.choice(...options);
}
