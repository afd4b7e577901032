/* Languages of bytes: what a text may look like, from its first byte on. */

/** A set of bytes, one bit each: eight words. */
export type ByteSet = Uint32Array;

/** The number of a node in its grammar. */
export type NodeId = number;

export type GrammarNode =
  /** The empty text. */
  | { kind: 'empty' }
  /** One byte of a set. */
  | { kind: 'byte'; set: ByteSet }
  | { kind: 'sequence'; first: NodeId; then: NodeId }
  | { kind: 'choice'; of: readonly NodeId[] }
  | { kind: 'repeat'; node: NodeId; min: number; max: number }
  /** What the rule stands for is told later, and may hold the rule itself. */
  | { kind: 'rule'; rule: number };

/**
 * A grammar under construction. Equal nodes are one, so that states which mean the same are found to be the same.
 * `Infinity` as a maximum is no limit.
 */
export class Grammar {
  readonly nodes: GrammarNode[] = [];
  readonly empty: NodeId;
  readonly #known = new Map<string, NodeId>();
  /** What each rule stands for; null as long as nobody has told. */
  readonly #rules: (NodeId | null)[] = [];

  constructor() {
    this.empty = this.#node('', { kind: 'empty' });
  }

  /** One byte, any of `bytes`. */
  byte(bytes: Iterable<number>): NodeId {
    const set = new Uint32Array(8);
    for (const byte of bytes) set[byte >> 5] |= 1 << (byte & 31);
    return this.#node(`b${set.join()}`, { kind: 'byte', set });
  }

  /** One byte from `from` to `to`, both included. */
  byteBetween(from: number, to: number): NodeId {
    return this.byte(Array.from({ length: to - from + 1 }, (_, i) => from + i));
  }

  /** A text as it is, in UTF-8. */
  literal(text: string): NodeId {
    return this.sequence(...Array.from(new TextEncoder().encode(text), (byte) => this.byte([byte])));
  }

  sequence(...parts: readonly NodeId[]): NodeId {
    return parts.reduceRight((then, first) => this.#pair(first, then), this.empty);
  }

  choice(...of: readonly NodeId[]): NodeId {
    const different = [...new Set(of)].sort((a, b) => a - b);
    if (different.length === 1) return different[0];
    return this.#node(`c${different.join()}`, { kind: 'choice', of: different });
  }

  repeat(node: NodeId, min: number, max: number): NodeId {
    if (max === 0 || node === this.empty) return this.empty;
    if (min === 1 && max === 1) return node;
    return this.#node(`r${node},${min},${max}`, { kind: 'repeat', node, min, max });
  }

  optional(node: NodeId): NodeId {
    return this.repeat(node, 0, 1);
  }

  /** A new rule, to be defined later. */
  rule(): { node: NodeId; define: (node: NodeId) => void } {
    const rule = this.#rules.push(null) - 1;
    const define = (node: NodeId) => {
      this.#rules[rule] = node;
    };
    return { node: this.#node(`n${rule}`, { kind: 'rule', rule }), define };
  }

  /** What a rule stands for. */
  definition(rule: number): NodeId {
    const node = this.#rules[rule];
    if (node === null) throw new Error(`rule ${rule} of a grammar was used before it was defined`);
    return node;
  }

  /** The nodes that stand for any text that ends. The others lead nowhere. */
  endingNodes(): Set<NodeId> {
    const users: NodeId[][] = this.nodes.map(() => []);
    this.nodes.forEach((node, id) => {
      for (const part of this.#partsOf(node)) users[part].push(id);
    });
    const ending = new Set<NodeId>();
    const waiting = [...this.nodes.keys()];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (ending.has(id) || !this.#endsGiven(id, ending)) continue;
      ending.add(id);
      for (const user of users[id]) waiting.push(user);
    }
    return ending;
  }

  #partsOf(node: GrammarNode): readonly NodeId[] {
    switch (node.kind) {
      case 'empty':
      case 'byte':
        return [];
      case 'sequence':
        return [node.first, node.then];
      case 'choice':
        return node.of;
      case 'repeat':
        return [node.node];
      case 'rule':
        return [this.definition(node.rule)];
    }
  }

  #endsGiven(id: NodeId, ending: ReadonlySet<NodeId>): boolean {
    const node = this.nodes[id];
    switch (node.kind) {
      case 'empty':
      case 'byte':
        return true;
      case 'sequence':
        return ending.has(node.first) && ending.has(node.then);
      case 'choice':
        return node.of.some((option) => ending.has(option));
      case 'repeat':
        return node.min === 0 || ending.has(node.node);
      case 'rule':
        return ending.has(this.definition(node.rule));
    }
  }

  #pair(first: NodeId, then: NodeId): NodeId {
    if (first === this.empty) return then;
    if (then === this.empty) return first;
    return this.#node(`s${first},${then}`, { kind: 'sequence', first, then });
  }

  #node(key: string, node: GrammarNode): NodeId {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const id = this.nodes.push(node) - 1;
    this.#known.set(key, id);
    return id;
  }
}

export const holds = (set: ByteSet, byte: number): boolean => (set[byte >> 5] & (1 << (byte & 31))) !== 0;
