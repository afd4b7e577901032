import { type ByteSet, type Grammar, holds, type NodeId } from './grammar.js';

/** The number of a stack: what still has to come, a node and what follows it. */
export type StackId = number;
/** The number of a set of stacks: all that the text so far may be the beginning of. */
export type StateId = number;

/** The stack of a text that is complete. */
export const COMPLETE: StackId = 0;
/** The state of a text that no text of the language begins with. */
export const DEAD: StateId = -1;
const UNKNOWN = -2;
/** Beyond so many states all are forgotten but the one at work: a row of transitions takes a kilobyte. */
const MOST_STATES = 8192;

/**
 * Reads bytes by a grammar: a pushdown automaton whose states are made as they are met. Each state is a set of stacks
 * whose first node is a byte, or characters of which any number may come (`text`), or that are complete.
 */
export class Automaton {
  readonly #grammar: Grammar;
  /** The node of which repetitions are kept whole at the head of a stack. */
  readonly #text: NodeId | null;
  /** Of the others nothing comes that ends, so no text may begin with them. */
  readonly #ending: Set<NodeId>;
  readonly #nodes: NodeId[] = [-1];
  readonly #rests: StackId[] = [COMPLETE];
  readonly #stackIds = new Map<number, StackId>();
  readonly #heads = new Map<StackId, readonly StackId[]>();
  #states: (readonly StackId[])[] = [];
  #stateIds = new Map<string, StateId>();
  #transitions: (Int32Array | undefined)[] = [];
  readonly #union = new Uint32Array(8);

  constructor(grammar: Grammar, text: NodeId | null) {
    this.#grammar = grammar;
    this.#ending = grammar.endingNodes();
    this.#text = text;
  }

  /** The state before any byte of `node`. */
  start(node: NodeId): StateId {
    return this.#state(this.#headsOf(this.#stack(node, COMPLETE)));
  }

  /** The state of one stack alone. */
  only(stack: StackId): StateId {
    return this.#state([stack]);
  }

  stacksOf(state: StateId): readonly StackId[] {
    return this.#states[state];
  }

  isComplete(state: StateId): boolean {
    return this.#states[state].includes(COMPLETE);
  }

  /** The byte that has to come, those of `aside` left out of sight; -1 where there are several, or the text may end. */
  onlyByte(state: StateId, aside: ByteSet): number {
    const union = this.#union.fill(0);
    for (const stack of this.#states[state]) {
      const node = stack === COMPLETE ? null : this.#grammar.nodes[this.#nodes[stack]];
      if (node?.kind !== 'byte') return -1;
      for (let word = 0; word < union.length; word++) union[word] |= node.set[word];
    }
    let only = -1;
    for (let word = 0; word < union.length; word++) {
      const bits = union[word] & ~aside[word];
      if (bits === 0) continue;
      if (only >= 0 || (bits & (bits - 1)) !== 0) return -1;
      only = 32 * word + 31 - Math.clz32(bits);
    }
    return only;
  }

  /** How many characters may come at the head of a stack; null where its head is none of `text`. */
  charactersAt(stack: StackId): number | null {
    const node = this.#grammar.nodes[this.#nodes[stack]];
    return stack !== COMPLETE && node.kind === 'repeat' && node.node === this.#text ? node.max : null;
  }

  /** The state after one more byte; DEAD where none can come of it. */
  step(state: StateId, byte: number): StateId {
    this.#transitions[state] ??= new Int32Array(256).fill(UNKNOWN);
    const row = this.#transitions[state];
    if (row[byte] === UNKNOWN) {
      const next = new Set<StackId>();
      for (const stack of this.#states[state]) this.#stepStack(stack, byte, next);
      row[byte] = next.size === 0 ? DEAD : this.#state([...next]);
    }
    return row[byte];
  }

  /** Forgets states where they have become many. The number that `state` has then. */
  trim(state: StateId): StateId {
    if (this.#states.length < MOST_STATES) return state;
    const stacks = this.#states[state];
    this.#states = [];
    this.#stateIds = new Map();
    this.#transitions = [];
    return this.#state(stacks);
  }

  #stepStack(stack: StackId, byte: number, next: Set<StackId>): void {
    if (stack === COMPLETE) return;
    const node = this.#grammar.nodes[this.#nodes[stack]];
    if (node.kind === 'byte') {
      if (holds(node.set, byte)) for (const head of this.#headsOf(this.#rests[stack])) next.add(head);
      return;
    }
    // The head is text: one of its characters begins.
    if (node.kind === 'repeat')
      for (const head of this.#headsOf(this.#stack(node.node, this.#afterOne(node, this.#rests[stack]))))
        this.#stepStack(head, byte, next);
  }

  /** What follows once a repetition has had one more of its kind. */
  #afterOne({ node, min, max }: { node: NodeId; min: number; max: number }, rest: StackId): StackId {
    const more = this.#grammar.repeat(node, Math.max(0, min - 1), max - 1);
    // It may be a new node. What it repeats ends, since the repetition at hand does or was left out.
    this.#ending.add(more);
    return this.#stack(more, rest);
  }

  /** The stacks that a stack may go on as, each with a byte or text first, or complete. */
  #headsOf(stack: StackId): readonly StackId[] {
    const known = this.#heads.get(stack);
    if (known) return known;
    const heads = new Set<StackId>();
    this.#collect(stack, heads, new Set());
    const list = [...heads];
    this.#heads.set(stack, list);
    return list;
  }

  #collect(stack: StackId, heads: Set<StackId>, seen: Set<StackId>): void {
    if (seen.has(stack)) return;
    seen.add(stack);
    if (stack === COMPLETE) {
      heads.add(stack);
      return;
    }
    if (!this.#ending.has(this.#nodes[stack])) return;
    const rest = this.#rests[stack];
    const node = this.#grammar.nodes[this.#nodes[stack]];
    const go = (next: NodeId, after: StackId) => this.#collect(this.#stack(next, after), heads, seen);
    switch (node.kind) {
      case 'byte':
        heads.add(stack);
        break;
      case 'empty':
        this.#collect(rest, heads, seen);
        break;
      case 'sequence':
        go(node.first, this.#stack(node.then, rest));
        break;
      case 'choice':
        for (const option of node.of) go(option, rest);
        break;
      case 'rule':
        go(this.#grammar.definition(node.rule), rest);
        break;
      case 'repeat':
        if (node.node === this.#text) heads.add(stack);
        else go(node.node, this.#afterOne(node, rest));
        if (node.min === 0) this.#collect(rest, heads, seen);
    }
  }

  #stack(node: NodeId, rest: StackId): StackId {
    if (node === this.#grammar.empty) return rest;
    const key = node * 2 ** 26 + rest;
    const known = this.#stackIds.get(key);
    if (known !== undefined) return known;
    const id = this.#nodes.push(node) - 1;
    this.#rests.push(rest);
    this.#stackIds.set(key, id);
    return id;
  }

  #state(stacks: readonly StackId[]): StateId {
    const sorted = [...stacks].sort((a, b) => a - b);
    const key = sorted.join();
    const known = this.#stateIds.get(key);
    if (known !== undefined) return known;
    const id = this.#states.push(sorted) - 1;
    this.#stateIds.set(key, id);
    return id;
  }
}
