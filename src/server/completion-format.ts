import type { GenerationResult, Piece } from '../index.js';
import { type AnswerFormat, sseData } from './answer-format.js';
import type { Refusal } from './failures.js';
import { type PlacedLogprob, plainLogprobs } from './logprobs-format.js';
import { costOf, finishReason, headOf, type OpenAiForm, streamEnd, usageOf, withCosts } from './openai-format.js';

/** What was told of a choice so far. */
interface Told {
  /** Characters of its text. */
  length: number;
  logprobs: PlacedLogprob[];
  /** Those that no chunk has told yet: a token may bring no text. */
  untold: PlacedLogprob[];
}

/** `/v1/completions`. */
export class CompletionFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #form: OpenAiForm;
  readonly #echo: string;
  readonly #head: ReturnType<typeof headOf>;
  readonly #told: Told[] = [];

  /** `echo` is the prompt where it is to stand before the answer. */
  constructor(form: OpenAiForm, echo: string) {
    this.#form = form;
    this.#echo = echo;
    this.#head = headOf('cmpl', form.model);
  }

  begin(_: number, choice: number): string {
    return this.#echo === '' ? '' : this.#chunk(choice, this.#echo);
  }

  piece(piece: Piece, choice: number): string {
    if (piece.type !== 'text') return '';
    const told = this.#toldOf(choice);
    if (piece.logprob) {
      const placed = { ...piece.logprob, offset: told.length };
      told.logprobs.push(placed);
      told.untold.push(placed);
    }
    told.length += piece.text.length;
    return piece.text === '' ? '' : this.#chunk(choice, piece.text);
  }

  end(result: GenerationResult, choice: number): string {
    return this.#chunk(choice, '', finishReason(result), costOf(result));
  }

  close(results: readonly GenerationResult[]): string {
    return streamEnd(this.#form, { ...this.#head, object: 'text_completion' }, results);
  }

  failure({ error }: Refusal): string {
    return sseData({ error });
  }

  whole(results: readonly GenerationResult[]): unknown {
    const answer = withCosts(results, (result, index) => ({
      index,
      text: this.#echo + result.text,
      logprobs: this.#form.logprobs ? plainLogprobs(this.#toldOf(index).logprobs) : null,
      finish_reason: finishReason(result),
    }));
    return { ...this.#head, object: 'text_completion', usage: usageOf(results), ...answer };
  }

  #toldOf(choice: number): Told {
    this.#told[choice] ??= { length: this.#echo.length, logprobs: [], untold: [] };
    return this.#told[choice];
  }

  #chunk(index: number, text: string, finish_reason: string | null = null, more: object = {}): string {
    const { untold } = this.#toldOf(index);
    const logprobs = untold.length > 0 ? plainLogprobs(untold.splice(0)) : null;
    const choices = [{ index, text, logprobs, finish_reason }];
    return sseData({ ...this.#head, object: 'text_completion', choices, ...more });
  }
}
