import { randomUUID } from 'node:crypto';
import type { GenerationResult, Piece } from '../index.js';
import { type AnswerFormat, sseEvent } from './answer-format.js';
import type { Refusal } from './failures.js';

type Block = { type: 'text' } | { type: 'thinking' } | { type: 'tool_use' };

const STOP_REASONS: Readonly<Record<string, string>> = { 'tool-calls': 'tool_use', length: 'max_tokens' };
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** A failure as Anthropic's API tells it. Its clients know an overflow by these words. */
export function messagesError({ status, error }: Refusal): object {
  const { n_prompt_tokens: tokens, n_ctx: most } = error;
  const message = tokens === undefined ? error.message : `prompt is too long: ${tokens} tokens > ${most} maximum`;
  return { type: 'error', error: { type: ERROR_TYPES[status] ?? 'api_error', message } };
}

/** `/v1/messages`. */
export class MessagesFormat implements AnswerFormat {
  readonly ping = sseEvent('ping', {});
  readonly #model: string;
  readonly #id = `msg_${randomUUID().replaceAll('-', '')}`;
  #index = -1;
  #open: Block['type'] | null = null;

  constructor(model: string) {
    this.#model = model;
  }

  begin(promptTokens: number): string {
    const usage = {
      input_tokens: promptTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    };
    const message = { ...this.#head(), content: [], stop_reason: null, stop_sequence: null, usage };
    return sseEvent('message_start', { message });
  }

  piece(piece: Piece): string {
    if (piece.type === 'tool-call') {
      const { id, name, arguments: given } = piece.call;
      const delta = { type: 'input_json_delta', partial_json: JSON.stringify(given) };
      return `${this.#block('tool_use', { id, name, input: {} }, true)}${this.#delta(delta)}${this.#closed()}`;
    }
    if (piece.text === '') return '';
    if (piece.type === 'text')
      return this.#block('text', { text: '' }) + this.#delta({ type: 'text_delta', text: piece.text });
    const thinking = { type: 'thinking_delta', thinking: piece.text };
    return this.#block('thinking', { thinking: '', signature: '' }) + this.#delta(thinking);
  }

  end(result: GenerationResult): string {
    const delta = stopOf(result);
    return `${this.#closed()}${sseEvent('message_delta', { delta, usage: usageOf(result) })}${sseEvent('message_stop', {})}`;
  }

  close(): string {
    return '';
  }

  failure(refusal: Refusal): string {
    return `event: error\ndata: ${JSON.stringify(messagesError(refusal))}\n\n`;
  }

  whole([result]: readonly GenerationResult[]): unknown {
    const { text, reasoning, toolCalls, receipt, seed, warnings } = result;
    const content = [
      ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning, signature: '' }]),
      ...(text === '' ? [] : [{ type: 'text', text }]),
      ...toolCalls.map(({ id, name, arguments: input }) => ({ type: 'tool_use', id, name, input })),
    ];
    const flashrow = { receipt, seed, warnings };
    return { ...this.#head(), content, ...stopOf(result), usage: usageOf(result), flashrow };
  }

  #head() {
    return { id: this.#id, type: 'message', role: 'assistant', model: this.#model };
  }

  /** Begins a block, unless one of the type is open. */
  #block(type: Block['type'], fields: object, anew = false): string {
    if (this.#open === type && !anew) return '';
    const before = this.#closed();
    this.#open = type;
    this.#index++;
    return before + sseEvent('content_block_start', { index: this.#index, content_block: { type, ...fields } });
  }

  #delta(delta: object): string {
    return sseEvent('content_block_delta', { index: this.#index, delta });
  }

  #closed(): string {
    if (this.#open === null) return '';
    this.#open = null;
    return sseEvent('content_block_stop', { index: this.#index });
  }
}

const stopOf = ({ finishReason, endedBy, stopText }: GenerationResult) => ({
  stop_reason: endedBy === 'stop' ? 'stop_sequence' : (STOP_REASONS[finishReason] ?? 'end_turn'),
  stop_sequence: stopText,
});

/** `input_tokens` are those that were not in the cache. */
const usageOf = ({ usage }: GenerationResult) => ({
  input_tokens: usage.prompt - usage.cached,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: usage.cached,
  output_tokens: usage.completion,
});
