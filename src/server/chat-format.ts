import type { GenerationResult, Piece, TokenLogprob, ToolCall } from '../index.js';
import { type AnswerFormat, sseData } from './answer-format.js';
import type { Refusal } from './failures.js';
import { contentLogprobs } from './logprobs-format.js';
import { costOf, finishReason, headOf, type OpenAiForm, streamEnd, usageOf, withCosts } from './openai-format.js';

const callOf = ({ id, name, arguments: given }: ToolCall) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(given) },
});

/** What was told of a choice so far. */
interface Told {
  calls: number;
  /** Of the tokens of its content and its calls. */
  logprobs: TokenLogprob[];
  /** Those that no chunk has told yet: a token may bring no text. */
  untold: TokenLogprob[];
}

/** `/v1/chat/completions`. */
export class ChatFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #form: OpenAiForm;
  readonly #head: ReturnType<typeof headOf>;
  readonly #told: Told[] = [];

  constructor(form: OpenAiForm) {
    this.#form = form;
    this.#head = headOf('chatcmpl', form.model);
  }

  begin(_: number, choice: number): string {
    return this.#chunk(choice, { role: 'assistant', content: '' });
  }

  piece(piece: Piece, choice: number): string {
    const told = this.#toldOf(choice);
    if (piece.type !== 'reasoning' && piece.logprob) {
      told.logprobs.push(piece.logprob);
      told.untold.push(piece.logprob);
    }
    if (piece.type === 'tool-call')
      return this.#chunk(choice, { tool_calls: [{ index: told.calls++, ...callOf(piece.call) }] });
    if (piece.text === '') return '';
    return this.#chunk(choice, piece.type === 'text' ? { content: piece.text } : { reasoning_content: piece.text });
  }

  end(result: GenerationResult, choice: number): string {
    return this.#chunk(choice, {}, finishReason(result), costOf(result));
  }

  close(results: readonly GenerationResult[]): string {
    return streamEnd(this.#form, { ...this.#head, object: 'chat.completion.chunk' }, results);
  }

  failure({ error }: Refusal): string {
    return sseData({ error });
  }

  whole(results: readonly GenerationResult[]): unknown {
    const answer = withCosts(results, (result, index) => ({
      index,
      message: messageOf(result),
      logprobs: this.#form.logprobs ? contentLogprobs(this.#toldOf(index).logprobs) : null,
      finish_reason: finishReason(result),
    }));
    return { ...this.#head, object: 'chat.completion', usage: usageOf(results), ...answer };
  }

  #toldOf(choice: number): Told {
    this.#told[choice] ??= { calls: 0, logprobs: [], untold: [] };
    return this.#told[choice];
  }

  #chunk(index: number, delta: object, finish_reason: string | null = null, more: object = {}): string {
    const { untold } = this.#toldOf(index);
    const logprobs = untold.length > 0 ? contentLogprobs(untold.splice(0)) : null;
    const choices = [{ index, delta, logprobs, finish_reason }];
    return sseData({ ...this.#head, object: 'chat.completion.chunk', choices, ...more });
  }
}

function messageOf({ text, reasoning, toolCalls }: GenerationResult) {
  return {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(callOf) }),
  };
}
