import type { CodePointRange } from './code-points.js';
import type { Grammar, NodeId } from './grammar.js';

/** Digits of a number at most: as many as a double tells apart, and an exponent that it holds. */
const [INTEGER_DIGITS, FRACTION_DIGITS, EXPONENT_DIGITS] = [15, 15, 2];
const NO_LIMIT = Number.POSITIVE_INFINITY;

/**
 * The values that JSON has, in a grammar. How they are written is up to the notation: JSON (json.ts), or what a kind of
 * model writes in its place.
 */
export abstract class ValueGrammar {
  readonly grammar: Grammar;
  readonly digit: NodeId;
  readonly integer: NodeId;
  readonly number: NodeId;
  /** What may stand between two parts. */
  abstract readonly space: NodeId;
  /** Any one character of a text. */
  abstract readonly character: NodeId;
  #any: { value: NodeId; object: NodeId } | null = null;

  constructor(grammar: Grammar) {
    this.grammar = grammar;
    this.digit = grammar.byteBetween(0x30, 0x39);
    const digits = grammar.sequence(grammar.byteBetween(0x31, 0x39), grammar.repeat(this.digit, 0, INTEGER_DIGITS - 1));
    this.integer = grammar.sequence(
      grammar.optional(grammar.literal('-')),
      grammar.choice(grammar.literal('0'), digits),
    );
    const exponent = grammar.sequence(
      grammar.byte(Buffer.from('eE')),
      grammar.optional(grammar.byte(Buffer.from('+-'))),
      grammar.repeat(this.digit, 1, EXPONENT_DIGITS),
    );
    this.number = grammar.sequence(this.integer, grammar.optional(this.fraction(1)), grammar.optional(exponent));
  }

  /** One character of `ranges` in a text. */
  abstract characterIn(ranges: readonly CodePointRange[]): NodeId;
  /** A text whose characters are `content`. */
  abstract quoted(content: NodeId): NodeId;
  /** A text that is given. */
  abstract constantText(text: string): NodeId;
  /** The name of a member. */
  abstract key(name: string): NodeId;
  /** Any name of a member that is none of `names`. */
  abstract otherKey(names: readonly string[]): NodeId;

  /** A text of `min` to `max` characters. */
  text(min: number, max: number): NodeId {
    return this.quoted(this.grammar.repeat(this.character, min, max));
  }

  word(word: boolean | null): NodeId {
    return this.grammar.literal(String(word));
  }

  get value(): NodeId {
    return this.#anything().value;
  }

  get anyObject(): NodeId {
    return this.#anything().object;
  }

  /** A value that is given, with or without white space between its parts. */
  constant(value: unknown): NodeId {
    if (typeof value === 'string') return this.constantText(value);
    if (typeof value === 'boolean' || value === null) return this.word(value);
    if (typeof value !== 'object') return this.grammar.literal(JSON.stringify(value));
    const items = Array.isArray(value)
      ? value.map((item) => this.constant(item))
      : Object.entries(value).map(([name, part]) => this.member(name, this.constant(part)));
    const content = items.flatMap((item, i) => (i > 0 ? [this.comma(), item] : [item]));
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    return this.wrapped(open, this.grammar.sequence(...content), close);
  }

  member(name: string, value: NodeId): NodeId {
    return this.grammar.sequence(this.key(name), this.colon(), value);
  }

  comma(): NodeId {
    return this.grammar.sequence(this.space, this.grammar.literal(','), this.space);
  }

  colon(): NodeId {
    return this.grammar.sequence(this.space, this.grammar.literal(':'), this.space);
  }

  wrapped(open: string, content: NodeId, close: string): NodeId {
    const { grammar, space } = this;
    return grammar.sequence(grammar.literal(open), space, content, space, grammar.literal(close));
  }

  /** `min` to `max` items with commas between them. */
  list(item: NodeId, min: number, max: number): NodeId {
    const { grammar } = this;
    if (max === 0) return grammar.empty;
    const more = grammar.repeat(grammar.sequence(this.comma(), item), Math.max(0, min - 1), max - 1);
    const some = grammar.sequence(item, more);
    return min === 0 ? grammar.optional(some) : some;
  }

  /** A decimal point and at least `min` digits. */
  fraction(min: number): NodeId {
    return this.grammar.sequence(this.grammar.literal('.'), this.grammar.repeat(this.digit, min, FRACTION_DIGITS));
  }

  #anything(): { value: NodeId; object: NodeId } {
    if (this.#any) return this.#any;
    const { grammar } = this;
    const value = grammar.rule();
    const entry = grammar.sequence(this.otherKey([]), this.colon(), value.node);
    const object = this.wrapped('{', this.list(entry, 0, NO_LIMIT), '}');
    const list = this.wrapped('[', this.list(value.node, 0, NO_LIMIT), ']');
    const words = [true, false, null].map((word) => this.word(word));
    value.define(grammar.choice(object, list, this.text(0, NO_LIMIT), this.number, ...words));
    this.#any = { value: value.node, object };
    return this.#any;
  }
}
