import { type CodePointRange, characterOf, complement, without } from '../../grammar/code-points.js';
import { freeText } from '../../grammar/free-text.js';
import type { Grammar, NodeId } from '../../grammar/grammar.js';
import { markBytes, markNode } from '../../grammar/marks.js';
import { keyWithout } from '../../grammar/other-keys.js';
import { ValueGrammar } from '../../grammar/values.js';
import { GEMMA_QUOTE } from '../dialects/gemma4.js';

/** Without it no part of a text is the mark of its end. */
const BAR: CodePointRange = [0x7c, 0x7c];
const LESS: CodePointRange = [0x3c, 0x3c];
const KEY: readonly CodePointRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];

/**
 * Values as Gemma 4 writes them: `{key:<|"|>text<|"|>,other:[1,true]}`. A text stands as it is between marks, without
 * escapes. One whose characters are counted, or follow a pattern, has no `|`: so it cannot hold the mark.
 */
export class GemmaGrammar extends ValueGrammar {
  readonly space: NodeId;
  readonly character: NodeId;
  readonly #quote: NodeId;

  constructor(grammar: Grammar) {
    super(grammar);
    this.space = grammar.empty;
    this.#quote = markNode(grammar, GEMMA_QUOTE);
    this.character = this.characterIn(complement([]));
  }

  characterIn(ranges: readonly CodePointRange[]): NodeId {
    return characterOf(this.grammar, without(ranges, [BAR]));
  }

  quoted(content: NodeId): NodeId {
    return this.grammar.sequence(this.#quote, content, this.#quote);
  }

  override text(min: number, max: number): NodeId {
    const { grammar } = this;
    if (max !== Number.POSITIVE_INFINITY) return super.text(min, max);
    const marks = markBytes(GEMMA_QUOTE).map((bytes) => ({ bytes, follow: () => grammar.empty }));
    // Those that are counted do not begin the mark, either.
    const counted = grammar.repeat(this.characterIn(complement([LESS])), min, min);
    return grammar.sequence(this.#quote, counted, freeText(grammar, marks, false).text);
  }

  constantText(text: string): NodeId {
    return text.includes(GEMMA_QUOTE) ? this.grammar.choice() : this.quoted(this.grammar.literal(text));
  }

  /** Bare where it is a word. */
  key(name: string): NodeId {
    return /^\w+$/.test(name) ? this.grammar.literal(name) : this.constantText(name);
  }

  otherKey(names: readonly string[]): NodeId {
    return keyWithout(this, ['', ...names], KEY);
  }
}
