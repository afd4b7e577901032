import { type CodePointRange, characterOf, complement, without } from './code-points.js';
import type { Grammar, NodeId } from './grammar.js';
import { keyWithout } from './other-keys.js';
import { ValueGrammar } from './values.js';

/** Blanks and tabs at the beginning of a line at most: a model that is lost would go on with them for ever. */
const [MOST_BLANKS, MOST_TABS] = [20, 10];
/** Characters that do not stand in a JSON string as they are (RFC 8259). */
const ESCAPED: readonly CodePointRange[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
const PLAIN: readonly CodePointRange[] = complement(ESCAPED);
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
export class JsonGrammar extends ValueGrammar {
  /** Nothing, a blank, or the end of a line and the indent of the next: what people put between parts. */
  readonly space: NodeId;
  /** What may stand before an answer: nothing, or a blank, which the first token of many vocabularies begins with. */
  readonly lead: NodeId;
  /** One character of a string, as it is or escaped. */
  readonly character: NodeId;

  constructor(grammar: Grammar) {
    super(grammar);
    const indent = (character: string, most: number) =>
      grammar.sequence(grammar.literal('\n'), grammar.repeat(grammar.literal(character), 0, most));
    this.space = grammar.optional(
      grammar.choice(grammar.literal(' '), indent(' ', MOST_BLANKS), indent('\t', MOST_TABS)),
    );
    this.lead = grammar.optional(grammar.literal(' '));
    this.character = this.#anyCharacter();
  }

  quoted(content: NodeId): NodeId {
    const quote = this.grammar.literal('"');
    return this.grammar.sequence(quote, content, quote);
  }

  /** In the spelling of `JSON.stringify`. */
  constantText(text: string): NodeId {
    return this.grammar.literal(JSON.stringify(text));
  }

  key(name: string): NodeId {
    return this.constantText(name);
  }

  /** Where there are names, it has no escapes: one of them might be spelled so. */
  otherKey(names: readonly string[]): NodeId {
    if (names.length === 0) return this.text(0, Number.POSITIVE_INFINITY);
    return this.quoted(keyWithout(this, names, PLAIN));
  }

  /** A character of `ranges` inside a string, each in one spelling. */
  characterIn(ranges: readonly CodePointRange[]): NodeId {
    const { grammar } = this;
    const isIn = (codePoint: number) => ranges.some(([from, to]) => from <= codePoint && codePoint <= to);
    const plain = without(ranges, ESCAPED);
    const escaped = [...Array(CONTROLS).keys(), 0x22, 0x5c]
      .filter(isIn)
      .map((codePoint) => grammar.literal(SHORT_ESCAPES.get(codePoint) ?? longEscape(codePoint)));
    return grammar.choice(...(plain.length > 0 ? [characterOf(grammar, plain)] : []), ...escaped);
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
