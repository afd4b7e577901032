import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { streamText, tool } from 'ai';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { GenerationResult, Piece } from '../../dist/src/index.js';
import type { AnswerFormat } from '../../dist/src/server/answer-format.js';
import { ChatFormat } from '../../dist/src/server/chat-format.js';
import { MessagesFormat } from '../../dist/src/server/messages-format.js';
import { ResponsesFormat } from '../../dist/src/server/responses-format.js';

/*
 * The shipped model calls no tools. So the pieces of an answer that does are written by each format, and read by the
 * client that the format is for.
 */
const calls = [
  { id: 'call_1', name: 'get_weather', arguments: { city: 'Paris' } },
  { id: 'call_2', name: 'get_weather', arguments: { city: 'Rome "x"' } },
];
const pieces: Piece[] = [
  { type: 'reasoning', text: 'Two ', token: 1 },
  { type: 'reasoning', text: 'cities.', token: 2 },
  { type: 'text', text: '', token: 3 },
  { type: 'text', text: 'Wait', token: 3 },
  { type: 'text', text: ' a bit.', token: 4 },
  ...calls.map((call, index): Piece => ({ type: 'tool-call', call, token: 5 + index })),
];
const receipt = { prefillTokensPerSecond: 10, decodeTokensPerSecond: 5 } as GenerationResult['receipt'];
const result: GenerationResult = {
  ...{ text: 'Wait a bit.', reasoning: 'Two cities.', toolCalls: calls, tokens: [1, 2, 3, 4, 5, 6] },
  ...{ finishReason: 'tool-calls', endedBy: 'endToken', stopText: null, seed: 1, warnings: [], receipt },
  usage: { prompt: 20, cached: 5, completion: 6, reasoning: 2 },
};

/** The answer as a client fetches it. */
const answering = (format: AnswerFormat, stream: boolean) => async () => {
  if (!stream) {
    for (const piece of pieces) format.piece(piece, 0);
    return Response.json(format.whole([result]));
  }
  const body = [':\n\n', format.ping, format.begin(20, 0), ...pieces.map((piece) => format.piece(piece, 0))].join('');
  return new Response(body + format.end(result, 0) + format.close([result]), {
    headers: { 'content-type': 'text/event-stream' },
  });
};

const chat = () => new ChatFormat({ model: 'm', includeUsage: true, logprobs: false });
const asked = { model: 'm', messages: [{ role: 'user' as const, content: 'Weather?' }] };

describe('an answer that reasons and calls tools', () => {
  it('is read by openai, whole and streamed', async () => {
    const client = (stream: boolean) =>
      new OpenAI({ baseURL: 'http://localhost/v1', apiKey: 'x', fetch: answering(chat(), stream) });
    const whole = await client(false).chat.completions.create(asked);
    const streamed = await client(true)
      .chat.completions.stream({ ...asked, stream_options: { include_usage: true } })
      .finalChatCompletion();
    for (const { choices, usage } of [whole, streamed]) {
      expect(choices[0].finish_reason).toBe('tool_calls');
      expect(choices[0].message.content).toBe('Wait a bit.');
      expect(choices[0].message.tool_calls).toMatchObject(
        calls.map(({ id, name, arguments: given }) => ({
          ...{ id, type: 'function', function: { name, arguments: JSON.stringify(given) } },
        })),
      );
      expect(usage).toMatchObject({
        ...{ prompt_tokens: 20, completion_tokens: 6, prompt_tokens_details: { cached_tokens: 5 } },
        completion_tokens_details: { reasoning_tokens: 2 },
      });
    }
  });

  it('is read by ai', async () => {
    const provider = createOpenAICompatible({
      ...{ name: 'flashrow', baseURL: 'http://localhost/v1', fetch: answering(chat(), true), includeUsage: true },
    });
    const weather = tool({ inputSchema: z.object({ city: z.string() }) });
    const stream = streamText({ model: provider('m'), prompt: 'Weather?', tools: { get_weather: weather } });
    expect(await stream.reasoningText).toBe('Two cities.');
    expect(await stream.text).toBe('Wait a bit.');
    expect((await stream.toolCalls).map(({ toolCallId, input }) => [toolCallId, input])).toEqual(
      calls.map(({ id, arguments: given }) => [id, given]),
    );
    expect(await stream.finishReason).toBe('tool-calls');
  });

  it('is read by openai as a response', async () => {
    const format = () => new ResponsesFormat('m', { input: 'Weather?' });
    const client = (stream: boolean) =>
      new OpenAI({ baseURL: 'http://localhost/v1', apiKey: 'x', fetch: answering(format(), stream) });
    const whole = await client(false).responses.create({ model: 'm', input: 'Weather?' });
    const streamed = await client(true).responses.stream({ model: 'm', input: 'Weather?' }).finalResponse();
    for (const { output, output_text, status } of [whole, streamed]) {
      expect([status, output_text]).toEqual(['completed', 'Wait a bit.']);
      expect(output).toMatchObject([
        { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Two cities.' }] },
        { type: 'message', role: 'assistant' },
        { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
        { type: 'function_call', call_id: 'call_2', arguments: '{"city":"Rome \\"x\\""}' },
      ]);
    }
  });

  it('is read by @anthropic-ai/sdk', async () => {
    const client = (stream: boolean) =>
      new Anthropic({ baseURL: 'http://localhost', apiKey: 'x', fetch: answering(new MessagesFormat('m'), stream) });
    const whole = await client(false).messages.create({ ...asked, max_tokens: 9 });
    const streamed = await client(true)
      .messages.stream({ ...asked, max_tokens: 9 })
      .finalMessage();
    for (const { content, stop_reason } of [whole, streamed]) {
      expect(stop_reason).toBe('tool_use');
      expect(content).toMatchObject([
        { type: 'thinking', thinking: 'Two cities.' },
        { type: 'text', text: 'Wait a bit.' },
        { type: 'tool_use', id: 'call_1', name: 'get_weather', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'call_2', input: { city: 'Rome "x"' } },
      ]);
    }
    expect(streamed.usage.output_tokens).toBe(6);
  });
});
