import { randomUUID } from 'node:crypto';
import type { GenerationResult, Piece, ToolCall } from '../index.js';
import { type AnswerFormat, sseEvent } from './answer-format.js';
import type { Refusal } from './failures.js';
import type { ResponsesRequest } from './responses-request.js';

const newId = (kind: string) => `${kind}_${randomUUID().replaceAll('-', '')}`;

interface Open {
  type: 'message' | 'reasoning';
  id: string;
  text: string;
}

/** `/v1/responses`. */
export class ResponsesFormat implements AnswerFormat {
  readonly ping = ':\n\n';
  readonly #head: object;
  readonly #output: object[] = [];
  #open: Open | null = null;
  #sequence = 0;

  constructor(model: string, body: ResponsesRequest) {
    this.#head = {
      ...{ id: newId('resp'), object: 'response', created_at: Math.floor(Date.now() / 1000), model },
      ...{ error: null, incomplete_details: null, instructions: body.instructions ?? null, metadata: {} },
      ...{
        max_output_tokens: body.max_output_tokens ?? null,
        parallel_tool_calls: body.parallel_tool_calls ?? true,
        previous_response_id: null,
      },
      ...{ reasoning: { effort: body.reasoning?.effort ?? null, summary: null }, store: false },
      ...{
        temperature: body.temperature ?? null,
        top_p: body.top_p ?? null,
        text: body.text ?? { format: { type: 'text' } },
      },
      ...{ tool_choice: body.tool_choice ?? 'auto', tools: body.tools ?? [], truncation: 'disabled', usage: null },
    };
  }

  begin(): string {
    const response = { ...this.#head, status: 'in_progress', output: [] };
    return this.#event('response.created', { response }) + this.#event('response.in_progress', { response });
  }

  piece(piece: Piece): string {
    if (piece.type === 'tool-call') return this.#closed() + this.#call(piece.call);
    if (piece.text === '') return '';
    const type = piece.type === 'text' ? 'message' : 'reasoning';
    const begun = this.#open?.type === type ? '' : this.#closed() + this.#begin(type);
    const open = this.#open!;
    open.text += piece.text;
    const at = { item_id: open.id, output_index: this.#output.length, content_index: 0 };
    const name = type === 'message' ? 'response.output_text.delta' : 'response.reasoning_text.delta';
    return begun + this.#event(name, { ...at, delta: piece.text, ...(type === 'message' ? { logprobs: [] } : {}) });
  }

  end(result: GenerationResult): string {
    const closed = this.#closed();
    const response = this.#response(result, this.#output);
    return (
      closed +
      this.#event(result.finishReason === 'length' ? 'response.incomplete' : 'response.completed', { response })
    );
  }

  close(): string {
    return '';
  }

  failure({ error }: Refusal): string {
    const { message, code } = error;
    const response = {
      ...this.#head,
      status: 'failed',
      output: this.#output,
      error: { code: code ?? 'server_error', message },
    };
    return this.#event('response.failed', { response });
  }

  whole([result]: readonly GenerationResult[]): unknown {
    const { text, reasoning, toolCalls } = result;
    const output = [
      ...(reasoning === '' ? [] : [itemOf({ type: 'reasoning', id: newId('rs'), text: reasoning })]),
      ...(text === '' ? [] : [itemOf({ type: 'message', id: newId('msg'), text })]),
      ...toolCalls.map((call) => callItem(call, newId('fc'))),
    ];
    return this.#response(result, output);
  }

  #response(result: GenerationResult, output: readonly object[]): object {
    const { usage, finishReason, receipt, seed, warnings } = result;
    const isCut = finishReason === 'length';
    return {
      ...this.#head,
      status: isCut ? 'incomplete' : 'completed',
      incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
      output,
      usage: {
        input_tokens: usage.prompt,
        input_tokens_details: { cached_tokens: usage.cached },
        output_tokens: usage.completion,
        output_tokens_details: { reasoning_tokens: usage.reasoning },
        total_tokens: usage.prompt + usage.completion,
      },
      flashrow: { receipt, seed, warnings },
    };
  }

  #begin(type: Open['type']): string {
    this.#open = { type, id: newId(type === 'message' ? 'msg' : 'rs'), text: '' };
    const { id } = this.#open;
    const item = { ...itemOf(this.#open), status: 'in_progress', content: [] };
    const at = { item_id: id, output_index: this.#output.length, content_index: 0 };
    return (
      this.#event('response.output_item.added', { output_index: this.#output.length, item }) +
      this.#event('response.content_part.added', { ...at, part: partOf(this.#open) })
    );
  }

  #closed(): string {
    if (!this.#open) return '';
    const open = this.#open;
    this.#open = null;
    const output_index = this.#output.length;
    const item = itemOf(open);
    this.#output.push(item);
    const at = { item_id: open.id, output_index, content_index: 0 };
    const name = open.type === 'message' ? 'response.output_text.done' : 'response.reasoning_text.done';
    return (
      this.#event(name, { ...at, text: open.text, ...(open.type === 'message' ? { logprobs: [] } : {}) }) +
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

const partOf = ({ type, text }: Open) =>
  type === 'message' ? { type: 'output_text', text, annotations: [], logprobs: [] } : { type: 'reasoning_text', text };

function itemOf(open: Open) {
  const common = { id: open.id, status: 'completed', content: [partOf(open)] };
  return open.type === 'message'
    ? { type: 'message', role: 'assistant', ...common }
    : { type: 'reasoning', summary: [], ...common };
}

const callItem = ({ id: call_id, name, arguments: given }: ToolCall, id: string) => ({
  ...{ type: 'function_call', id, call_id, name, arguments: JSON.stringify(given), status: 'completed' },
});
