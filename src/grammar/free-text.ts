import type { Grammar, NodeId } from './grammar.js';
import { CONTROL } from './marks.js';

/** A text that means something wherever it stands. */
export interface Mark {
  bytes: Uint8Array;
  /** What follows it, given the node of the free text. */
  follow: (text: NodeId) => NodeId;
}

/** How far of the marks the end of a text reaches: a node of a trie of their bytes. */
interface Place {
  next: Map<number, Place>;
  /** The place of the longest end of this one that is one, too. */
  fallback: Place | null;
  /** The mark that ends here. */
  mark: Mark | null;
  /** Whether it is within the name of a control token. */
  inControl: boolean;
}

/** Free text: its beginning, and what it goes on as behind a first byte. */
export interface FreeText {
  text: NodeId;
  after: (byte: number) => NodeId;
}

/**
 * Any text in which, wherever a mark stands, that follows which belongs to it. With `ends` it may end anywhere; else
 * only what follows a mark ends it, and there are no control tokens in it but marks: one of them would end the answer.
 * Of two marks that end at one byte the longer counts. Marks are found as by Aho and
 * Corasick (1975): a rule for each beginning of a mark.
 */
export function freeText(grammar: Grammar, marks: readonly Mark[], ends: boolean): FreeText {
  const root = placesOf(marks);
  const nothing = grammar.choice();
  const rules = new Map<Place, ReturnType<Grammar['rule']>>();
  const waiting: Place[] = [];
  const ruleOf = (place: Place): NodeId => {
    const known = rules.get(place);
    if (known) return known.node;
    const rule = grammar.rule();
    rules.set(place, rule);
    waiting.push(place);
    return rule.node;
  };
  const text = ruleOf(root);
  const after = new Map<Mark, NodeId>(marks.map((mark) => [mark, mark.follow(text)]));
  const nodeAfter = (place: Place, byte: number): NodeId => {
    if (!ends && place.inControl && !place.next.has(byte)) return nothing;
    const reached = step(root, place, byte);
    if (!ends && byte === CONTROL && reached === root) return nothing;
    return reached.mark ? after.get(reached.mark)! : ruleOf(reached);
  };
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const bytesTo = new Map<NodeId, number[]>();
    for (let byte = 0; byte < 256; byte++) {
      const node = nodeAfter(place, byte);
      if (node === nothing) continue;
      const bytes = bytesTo.get(node);
      if (bytes) bytes.push(byte);
      else bytesTo.set(node, [byte]);
    }
    const steps = [...bytesTo].map(([node, bytes]) => grammar.sequence(grammar.byte(bytes), node));
    rules.get(place)!.define(grammar.choice(...(ends ? [grammar.empty] : []), ...steps));
  }
  return { text, after: (byte) => nodeAfter(root, byte) };
}

function placesOf(marks: readonly Mark[]): Place {
  const root: Place = { next: new Map(), fallback: null, mark: null, inControl: false };
  for (const mark of marks) {
    let place = root;
    for (const byte of mark.bytes) {
      const inControl = place.inControl || byte === CONTROL;
      const next = place.next.get(byte) ?? { next: new Map(), fallback: null, mark: null, inControl };
      place.next.set(byte, next);
      place = next;
    }
    place.mark = mark;
  }
  const places = [...root.next.values()];
  for (const place of places) place.fallback = root;
  for (const place of places)
    for (const [byte, next] of place.next) {
      next.fallback = step(root, place.fallback!, byte);
      next.mark ??= next.fallback.mark;
      places.push(next);
    }
  return root;
}

function step(root: Place, from: Place, byte: number): Place {
  for (let place: Place | null = from; place; place = place.fallback) {
    const next = place.next.get(byte);
    if (next) return next;
  }
  return root;
}
