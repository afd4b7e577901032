import { FlashrowError } from '../errors.js';
import { Constraint } from '../grammar/constraint.js';
import { Grammar } from '../grammar/grammar.js';
import { markNode } from '../grammar/marks.js';
import { answerGrammar, type ResponseFormat } from '../grammar/response-format.js';
import { TokenTable } from '../grammar/token-table.js';
import type { Written } from '../text/dialects/dialect.js';
import type { AnswerForm, HeldAnswer } from '../text/dialects/dialects.js';
import { heldGrammar } from '../text/held/held-grammar.js';
import type { TokenSpelling } from '../text/tokenizer.js';
import { tableBytes } from './sampling/table-bytes.js';

/** Answers in channels, without tools. */
const ALONE: HeldAnswer = { forms: 'channels', tools: [], must: false, once: false, begun: '' };

/** Makes the constraints of answers. The table of the vocabulary is made with the first, and kept. */
export class Constraints {
  readonly #vocabSize: number;
  #tokens: TokenTable | null = null;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  /**
   * Null where any text will do. Throws what `answerGrammar` and `heldGrammar` throw, and UNSUPPORTED for a format of
   * answers in channels that no chat template has begun.
   */
  of(format: ResponseFormat, form: AnswerForm | null, spelling: TokenSpelling, inChannels: boolean): Constraint | null {
    const isFormat = format.type !== 'text';
    const holdsChannels = isFormat && form?.dialect === 'harmony';
    if (inChannels && isFormat && !holdsChannels)
      throw new FlashrowError(
        'UNSUPPORTED',
        '`responseFormat` cannot be kept here: the model answers in channels, as gpt-oss does, and where these begin is known in chats by its own template alone; use `chat`',
        { option: 'responseFormat' },
      );
    const held = form?.held ?? (holdsChannels ? ALONE : null);
    const grammar = held ? heldGrammar(held, format, form?.opened).answer : answerGrammar(format);
    if (grammar === null) return null;
    const constraint = new Constraint(grammar, this.#tokensOf(spelling));
    // The prompt wrote the beginning of the call.
    if (held) constraint.take(Buffer.from(held.begun));
    return constraint;
  }

  /** Writes one of some texts, and nothing else. */
  writing(texts: readonly Written[], spelling: TokenSpelling): Constraint {
    const grammar = new Grammar();
    const nodeOf = (part: Written[number]) =>
      'mark' in part ? markNode(grammar, part.mark) : grammar.literal(part.text);
    const root = grammar.choice(...texts.map((parts) => grammar.sequence(...parts.map(nodeOf))));
    return new Constraint({ grammar, root, character: null }, this.#tokensOf(spelling));
  }

  #tokensOf(spelling: TokenSpelling): TokenTable {
    this.#tokens ??= new TokenTable(this.#vocabSize, (id) => tableBytes(id, spelling));
    return this.#tokens;
  }
}
