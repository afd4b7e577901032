import { type CodePointRange, characterOf, without } from './code-points.js';
import type { Grammar, NodeId } from './grammar.js';

/** Blanks and tabs at the beginning of a line at most: a model that is lost would go on with them for ever. */
const [MOST_BLANKS, MOST_TABS] = [20, 10];
/** Digits of a number at most: as many as a double tells apart, and an exponent that it holds. */
const [INTEGER_DIGITS, FRACTION_DIGITS, EXPONENT_DIGITS] = [15, 15, 2];
/** Characters that stand in a JSON string as they are (RFC 8259). */
const PLAIN: readonly CodePointRange[] = without(
  [[0x20, 0x10ffff]],
  [
    [0x22, 0x22],
    [0x5c, 0x5c],
  ],
);
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [0x08, '\\b'],
  [0x0c, '\\f'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
]);
const CONTROLS = 0x20;

/** The parts of JSON texts (RFC 8259) in a grammar. */
export class JsonGrammar {
  readonly grammar: Grammar;
  /** Nothing, a blank, or the end of a line and the indent of the next: what people put between parts. */
  readonly space: NodeId;
  /** One character of a string, as it is or escaped. */
  readonly character: NodeId;
  readonly number: NodeId;
  readonly integer: NodeId;
  readonly value: NodeId;
  readonly anyObject: NodeId;
  readonly digit: NodeId;

  constructor(grammar: Grammar) {
    this.grammar = grammar;
    const indent = (character: string, most: number) =>
      grammar.sequence(grammar.literal('\n'), grammar.repeat(grammar.literal(character), 0, most));
    this.space = grammar.optional(
      grammar.choice(grammar.literal(' '), indent(' ', MOST_BLANKS), indent('\t', MOST_TABS)),
    );
    this.digit = grammar.byteBetween(0x30, 0x39);
    this.character = this.#anyCharacter();
    this.integer = this.#integer();
    this.number = grammar.sequence(
      this.integer,
      grammar.optional(this.fraction(1)),
      grammar.optional(
        grammar.sequence(
          grammar.byte(Buffer.from('eE')),
          grammar.optional(grammar.byte(Buffer.from('+-'))),
          grammar.repeat(this.digit, 1, EXPONENT_DIGITS),
        ),
      ),
    );
    const value = grammar.rule();
    this.value = value.node;
    const entry = grammar.sequence(this.text(0, Number.POSITIVE_INFINITY), this.colon(), value.node);
    this.anyObject = this.wrapped('{', this.list(entry, 0, Number.POSITIVE_INFINITY), '}');
    value.define(
      grammar.choice(
        this.anyObject,
        this.wrapped('[', this.list(value.node, 0, Number.POSITIVE_INFINITY), ']'),
        this.text(0, Number.POSITIVE_INFINITY),
        this.number,
        ...['true', 'false', 'null'].map((word) => grammar.literal(word)),
      ),
    );
  }

  /** A string of `min` to `max` characters. */
  text(min: number, max: number): NodeId {
    return this.quoted(this.grammar.repeat(this.character, min, max));
  }

  quoted(content: NodeId): NodeId {
    const quote = this.grammar.literal('"');
    return this.grammar.sequence(quote, content, quote);
  }

  /** A character of `ranges` inside a string, each in one spelling. */
  characterIn(ranges: readonly CodePointRange[]): NodeId {
    const { grammar } = this;
    const isIn = (codePoint: number) => ranges.some(([from, to]) => from <= codePoint && codePoint <= to);
    const plain = without(ranges, without([[0, 0x10ffff]], PLAIN));
    const escaped = [...Array(CONTROLS).keys(), 0x22, 0x5c]
      .filter(isIn)
      .map((codePoint) => grammar.literal(SHORT_ESCAPES.get(codePoint) ?? longEscape(codePoint)));
    return grammar.choice(...(plain.length > 0 ? [characterOf(grammar, plain)] : []), ...escaped);
  }

  /** A value that is given, in the spelling of `JSON.stringify`, with or without white space. */
  constant(value: unknown): NodeId {
    if (typeof value !== 'object' || value === null) return this.grammar.literal(JSON.stringify(value));
    const items = Array.isArray(value)
      ? value.map((item) => this.constant(item))
      : Object.entries(value).map(([name, part]) =>
          this.grammar.sequence(this.constant(name), this.colon(), this.constant(part)),
        );
    const content = items.flatMap((item, i) => (i > 0 ? [this.comma(), item] : [item]));
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    return this.wrapped(open, this.grammar.sequence(...content), close);
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

  #integer(): NodeId {
    const { grammar } = this;
    const digits = grammar.sequence(grammar.byteBetween(0x31, 0x39), grammar.repeat(this.digit, 0, INTEGER_DIGITS - 1));
    return grammar.sequence(grammar.optional(grammar.literal('-')), grammar.choice(grammar.literal('0'), digits));
  }

  #anyCharacter(): NodeId {
    const { grammar } = this;
    const hex = grammar.byte(Buffer.from('0123456789abcdefABCDEF'));
    // Escapes of surrogates are left out: half a pair is no character.
    const upToC = grammar.sequence(grammar.byte(Buffer.from('0123456789abcefABCEF')), hex);
    const withD = grammar.sequence(grammar.byte(Buffer.from('dD')), grammar.byteBetween(0x30, 0x37));
    const escaped = grammar.sequence(
      grammar.literal('\\'),
      grammar.choice(
        grammar.byte(Buffer.from('"\\/bfnrt')),
        grammar.sequence(grammar.literal('u'), grammar.choice(upToC, withD), hex, hex),
      ),
    );
    return grammar.choice(characterOf(grammar, PLAIN), escaped);
  }
}

const longEscape = (codePoint: number) => `\\u${codePoint.toString(16).padStart(4, '0')}`;
