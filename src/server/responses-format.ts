import { randomUUID } from 'node:crypto';
import type { ChatOptions, GenerationResult, Piece, ToolCall } from '../index.js';
import { type AnswerFormat, sseEvent } from './answer-format.js';
import type { Refusal } from './failures.js';
import { tokenLogprob } from './logprobs-format.js';
import type { ResponsesRequest } from './responses-request.js';

const newId = (kind: string) => `${kind}_${randomUUID().replaceAll('-', '')}`;

interface Open {
  type: 'message' | 'reasoning';
  id: string;
  text: string;
  logprobs: object[];
}

type Draws = Pick<ChatOptions, 'temperature' | 'topP' | 'presencePenalty' | 'frequencyPenalty'>;

/** `/v1/responses`, by Open Responses 2026-04-24. */
export class ResponsesFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #body: ResponsesRequest;
  readonly #head: object;
  readonly #output: object[] = [];
  /** How the answer is drawn where the request does not say so. */
  #draws: Draws = {};
  #open: Open | null = null;
  /** Of tokens that have brought no text yet. */
  readonly #untold: object[] = [];
  #sequence = 0;

  constructor(model: string, body: ResponsesRequest) {
    this.#body = body;
    this.#head = {
      ...{ id: newId('resp'), object: 'response', created_at: now(), completed_at: null, model },
      ...{ error: null, incomplete_details: null, instructions: body.instructions ?? null },
      ...{ max_output_tokens: body.max_output_tokens ?? null, max_tool_calls: body.max_tool_calls ?? null },
      ...{ parallel_tool_calls: body.parallel_tool_calls ?? true, previous_response_id: null },
      ...{ reasoning: { summary: null, ...body.reasoning, effort: body.reasoning?.effort ?? null } },
      ...{ text: { ...body.text, format: formatOf(body) }, tool_choice: body.tool_choice ?? 'auto' },
      ...{ tools: (body.tools ?? []).map(toolOf), top_logprobs: body.top_logprobs ?? 0, usage: null },
      // Nothing is stored, cut off, or done later.
      ...{ store: false, truncation: 'disabled', background: false, service_tier: 'default' },
      ...{ metadata: body.metadata ?? {}, safety_identifier: body.safety_identifier ?? null },
      prompt_cache_key: body.prompt_cache_key ?? null,
    };
  }

  /** Told before anything else, once the model is known. */
  drawnBy(defaults: Draws): void {
    this.#draws = defaults;
  }

  begin(): string {
    const response = this.#response({ status: 'in_progress', output: [] });
    return this.#event('response.created', { response }) + this.#event('response.in_progress', { response });
  }

  piece(piece: Piece): string {
    if (piece.type === 'tool-call') {
      // A call has no place for those of its tokens.
      this.#untold.length = 0;
      return this.#closed() + this.#call(piece.call);
    }
    if (piece.type === 'text' && piece.logprob) this.#untold.push(tokenLogprob(piece.logprob));
    if (piece.text === '') return '';
    const type = piece.type === 'text' ? 'message' : 'reasoning';
    const begun = this.#open?.type === type ? '' : this.#closed() + this.#begin(type);
    const open = this.#open!;
    open.text += piece.text;
    const at = { item_id: open.id, output_index: this.#output.length, content_index: 0 };
    if (type === 'reasoning') return begun + this.#event('response.reasoning_text.delta', { ...at, delta: piece.text });
    const logprobs = this.#untold.splice(0);
    open.logprobs.push(...logprobs);
    return begun + this.#event('response.output_text.delta', { ...at, delta: piece.text, logprobs });
  }

  end(result: GenerationResult): string {
    const isCut = result.finishReason === 'length';
    const closed = this.#closed(isCut);
    return (
      closed + this.#event(isCut ? 'response.incomplete' : 'response.completed', { response: this.#ended(result) })
    );
  }

  close(): string {
    return '';
  }

  failure({ error }: Refusal): string {
    const { message, code } = error;
    const failed = { status: 'failed', output: this.#output, error: { code: code ?? 'server_error', message } };
    return this.#event('response.failed', { response: this.#response(failed) });
  }

  whole([result]: readonly GenerationResult[]): unknown {
    this.#closed(result.finishReason === 'length');
    return this.#ended(result);
  }

  #response(more: object): object {
    const { temperature, top_p, presence_penalty, frequency_penalty } = this.#body;
    return {
      ...this.#head,
      temperature: temperature ?? this.#draws.temperature ?? 0,
      top_p: top_p ?? this.#draws.topP ?? 1,
      presence_penalty: presence_penalty ?? this.#draws.presencePenalty ?? 0,
      frequency_penalty: frequency_penalty ?? this.#draws.frequencyPenalty ?? 0,
      ...more,
    };
  }

  #ended({ usage, finishReason, receipt, seed, warnings }: GenerationResult): object {
    const isCut = finishReason === 'length';
    return this.#response({
      status: isCut ? 'incomplete' : 'completed',
      completed_at: isCut ? null : now(),
      incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
      output: this.#output,
      usage: {
        input_tokens: usage.prompt,
        input_tokens_details: { cached_tokens: usage.cached },
        output_tokens: usage.completion,
        output_tokens_details: { reasoning_tokens: usage.reasoning },
        total_tokens: usage.prompt + usage.completion,
      },
      flashrow: { receipt, seed, warnings },
    });
  }

  #begin(type: Open['type']): string {
    this.#open = { type, id: newId(type === 'message' ? 'msg' : 'rs'), text: '', logprobs: [] };
    const { id } = this.#open;
    const item = { ...itemOf(this.#open, 'in_progress'), content: [] };
    const at = { item_id: id, output_index: this.#output.length, content_index: 0 };
    return (
      this.#event('response.output_item.added', { output_index: this.#output.length, item }) +
      this.#event('response.content_part.added', { ...at, part: partOf(this.#open) })
    );
  }

  #closed(isCut = false): string {
    if (!this.#open) return '';
    const open = this.#open;
    this.#open = null;
    const output_index = this.#output.length;
    const item = itemOf(open, isCut ? 'incomplete' : 'completed');
    this.#output.push(item);
    const at = { item_id: open.id, output_index, content_index: 0 };
    const name = open.type === 'message' ? 'response.output_text.done' : 'response.reasoning_text.done';
    return (
      this.#event(name, { ...at, text: open.text, ...(open.type === 'message' ? { logprobs: open.logprobs } : {}) }) +
      this.#event('response.content_part.done', { ...at, part: partOf(open) }) +
      this.#event('response.output_item.done', { output_index, item })
    );
  }

  #call(call: ToolCall): string {
    const output_index = this.#output.length;
    const item = callItem(call, newId('fc'));
    this.#output.push(item);
    const at = { item_id: item.id, output_index };
    const begun = { ...item, arguments: '', status: 'in_progress' };
    return (
      this.#event('response.output_item.added', { output_index, item: begun }) +
      this.#event('response.function_call_arguments.delta', { ...at, delta: item.arguments }) +
      this.#event('response.function_call_arguments.done', { ...at, name: call.name, arguments: item.arguments }) +
      this.#event('response.output_item.done', { output_index, item })
    );
  }

  #event(name: string, fields: object): string {
    return sseEvent(name, { ...fields, sequence_number: this.#sequence++ });
  }
}

const now = () => Math.floor(Date.now() / 1000);

const partOf = ({ type, text, logprobs }: Open) =>
  type === 'message' ? { type: 'output_text', text, annotations: [], logprobs } : { type: 'reasoning_text', text };

function itemOf(open: Open, status: string) {
  const common = { id: open.id, status, content: [partOf(open)] };
  return open.type === 'message'
    ? { type: 'message', role: 'assistant', ...common }
    : { type: 'reasoning', summary: [], ...common };
}

const callItem = ({ id: call_id, name, arguments: given }: ToolCall, id: string) => ({
  ...{ type: 'function_call', id, call_id, name, arguments: JSON.stringify(given), status: 'completed' },
});

/** What a response repeats of its request has all fields. */
const toolOf = (tool: object) => ({ description: null, parameters: null, strict: null, ...tool });

function formatOf({ text }: ResponsesRequest): object {
  const format = text?.format ?? { type: 'text' };
  return format.type === 'json_schema' ? { description: null, strict: false, ...format } : format;
}
