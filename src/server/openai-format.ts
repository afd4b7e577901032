import { randomUUID } from 'node:crypto';
import type { GenerationResult, Piece, ToolCall } from '../index.js';
import { type AnswerFormat, type Counts, sseData } from './answer-format.js';
import type { Refusal } from './failures.js';

/** What a request asks of the form of its answer. */
export interface OpenAiForm {
  model: string;
  /** A last chunk with the usage. */
  includeUsage: boolean;
}

const FINISH_REASONS: Readonly<Record<string, string>> = { 'tool-calls': 'tool_calls', length: 'length' };
const finishReason = (result: GenerationResult) => FINISH_REASONS[result.finishReason] ?? 'stop';

const callOf = ({ id, name, arguments: given }: ToolCall) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(given) },
});

/** Usage as OpenAI's API writes it. */
export const usageOf = ({ usage }: GenerationResult, { reasoningTokens }: Counts) => ({
  prompt_tokens: usage.prompt,
  completion_tokens: usage.completion,
  total_tokens: usage.prompt + usage.completion,
  prompt_tokens_details: { cached_tokens: usage.cached },
  completion_tokens_details: { reasoning_tokens: reasoningTokens },
});

/** What the answer cost; `timings` is what user interfaces made for llama.cpp read. */
export function costOf({ usage, receipt, seed, warnings }: GenerationResult) {
  const perSecond = { prompt: receipt.prefillTokensPerSecond, predicted: receipt.decodeTokensPerSecond };
  const run = usage.prompt - usage.cached;
  const ms = (tokens: number, speed: number | null) => (speed === null ? null : (1000 * tokens) / speed);
  return {
    timings: {
      cache_n: usage.cached,
      prompt_n: run,
      prompt_ms: ms(run, perSecond.prompt),
      prompt_per_second: perSecond.prompt,
      predicted_n: usage.completion,
      predicted_ms: ms(usage.completion, perSecond.predicted),
      predicted_per_second: perSecond.predicted,
    },
    flashrow: { receipt, seed, warnings },
  };
}

/** `/v1/chat/completions`. */
export class ChatFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #form: OpenAiForm;
  readonly #head: { id: string; created: number; model: string; system_fingerprint: string };
  #calls = 0;

  constructor(form: OpenAiForm) {
    this.#form = form;
    this.#head = headOf('chatcmpl', form.model);
  }

  begin(): string {
    return this.#chunk({ role: 'assistant', content: '' });
  }

  piece(piece: Piece): string {
    if (piece.type === 'tool-call')
      return this.#chunk({ tool_calls: [{ index: this.#calls++, ...callOf(piece.call) }] });
    if (piece.text === '') return '';
    return this.#chunk(piece.type === 'text' ? { content: piece.text } : { reasoning_content: piece.text });
  }

  end(result: GenerationResult, counts: Counts): string {
    const last = this.#chunk({}, finishReason(result), costOf(result));
    const usage = { ...this.#head, object: 'chat.completion.chunk', choices: [], usage: usageOf(result, counts) };
    return `${last}${this.#form.includeUsage ? sseData(usage) : ''}data: [DONE]\n\n`;
  }

  failure({ error }: Refusal): string {
    return sseData({ error });
  }

  whole(result: GenerationResult, counts: Counts): unknown {
    const { text, reasoning, toolCalls } = result;
    const message = {
      role: 'assistant',
      content: text === '' && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(callOf) }),
    };
    return {
      ...this.#head,
      object: 'chat.completion',
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(result) }],
      usage: usageOf(result, counts),
      ...costOf(result),
    };
  }

  #chunk(delta: object, finish_reason: string | null = null, more: object = {}): string {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason }];
    return sseData({ ...this.#head, object: 'chat.completion.chunk', choices, ...more });
  }
}

/** `/v1/completions`. */
export class CompletionFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #form: OpenAiForm;
  readonly #echo: string;
  readonly #head: ReturnType<typeof headOf>;

  /** `echo` is the prompt where it is to stand before the answer. */
  constructor(form: OpenAiForm, echo: string) {
    this.#form = form;
    this.#echo = echo;
    this.#head = headOf('cmpl', form.model);
  }

  begin(): string {
    return this.#echo === '' ? '' : this.#chunk(this.#echo);
  }

  piece(piece: Piece): string {
    return piece.type === 'text' && piece.text !== '' ? this.#chunk(piece.text) : '';
  }

  end(result: GenerationResult, counts: Counts): string {
    const last = this.#chunk('', finishReason(result), costOf(result));
    const usage = { ...this.#head, object: 'text_completion', choices: [], usage: usageOf(result, counts) };
    return `${last}${this.#form.includeUsage ? sseData(usage) : ''}data: [DONE]\n\n`;
  }

  failure({ error }: Refusal): string {
    return sseData({ error });
  }

  whole(result: GenerationResult, counts: Counts): unknown {
    const choice = { index: 0, text: this.#echo + result.text, logprobs: null, finish_reason: finishReason(result) };
    const usage = usageOf(result, counts);
    return { ...this.#head, object: 'text_completion', choices: [choice], usage, ...costOf(result) };
  }

  #chunk(text: string, finish_reason: string | null = null, more: object = {}): string {
    const choices = [{ index: 0, text, logprobs: null, finish_reason }];
    return sseData({ ...this.#head, object: 'text_completion', choices, ...more });
  }
}

const headOf = (kind: string, model: string) => ({
  id: `${kind}-${randomUUID().replaceAll('-', '')}`,
  created: Math.floor(Date.now() / 1000),
  model,
  system_fingerprint: 'flashrow',
});
