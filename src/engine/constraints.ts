import { FlashrowError } from '../errors.js';
import { Constraint } from '../grammar/constraint.js';
import { answerGrammar, type ResponseFormat } from '../grammar/response-format.js';
import { TokenTable } from '../grammar/token-table.js';
import type { TokenSpelling } from '../text/tokenizer.js';

/** Makes the constraints of answers. The table of the vocabulary is made with the first, and kept. */
export class Constraints {
  readonly #vocabSize: number;
  #tokens: TokenTable | null = null;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  /** Null where any text will do. Throws what `answerGrammar` throws, and UNSUPPORTED for answers in channels. */
  of(format: ResponseFormat, spelling: TokenSpelling, inChannels: boolean): Constraint | null {
    const grammar = answerGrammar(format);
    if (grammar === null) return null;
    if (inChannels)
      throw new FlashrowError(
        'UNSUPPORTED',
        '`responseFormat` cannot be kept by a model that answers in channels, as gpt-oss does; leave it out, and ask for the format in words',
        { option: 'responseFormat' },
      );
    this.#tokens ??= new TokenTable(this.#vocabSize, (id) => spelling.bytes(id));
    return new Constraint(grammar, this.#tokens);
  }
}
