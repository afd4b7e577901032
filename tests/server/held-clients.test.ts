import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TALES } from '../support/shipped.js';
import { type Served, serveTales, TEMPLATE } from './support.js';

/* The shipped model tells tales. Held to a schema it calls tools and fills in forms all the same. */

let served: Served;
let openai: OpenAI;
beforeAll(async () => {
  const options = { contextSize: 512 };
  served = await serveTales({ models: [{ name: 'tales', source: TALES, template: TEMPLATE, options }] });
  openai = new OpenAI({ baseURL: served.url, apiKey: 'none' });
});
afterAll(() => served.end());

const WEATHER = z.object({ city: z.enum(['Paris', 'Rome']), days: z.number().int().min(1).max(9) });
const parameters = z.toJSONSchema(WEATHER) as Record<string, unknown>;
const messages = [{ role: 'user' as const, content: 'Weather?' }];
const ASKED = { model: 'tales', messages, temperature: 0, max_tokens: 120 };

describe('a tool that has to be called', () => {
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters, strict: true } }];

  it('is, by openai, whole and streamed', async () => {
    const asked = { ...ASKED, tools, tool_choice: { type: 'function' as const, function: { name: 'get_weather' } } };
    const [whole] = (await openai.chat.completions.create(asked)).choices;
    const [streamed] = (await openai.chat.completions.stream(asked).finalChatCompletion()).choices;
    for (const { finish_reason, message } of [whole, streamed]) {
      expect(finish_reason).toBe('tool_calls');
      expect(message.tool_calls).toHaveLength(1);
      const [call] = message.tool_calls as { function: { name: string; arguments: string } }[];
      expect(call.function.name).toBe('get_weather');
      expect(WEATHER.safeParse(JSON.parse(call.function.arguments)).success).toBe(true);
    }
  });

  it.each(['required', { type: 'function', function: { name: 'get_weather' } }] as const)(
    'tells a log-probability of every token, whole and streamed (%j)',
    async (tool_choice) => {
      const asked = { ...ASKED, tools, tool_choice, parallel_tool_calls: false, logprobs: true };
      const whole = await openai.chat.completions.create(asked);
      const streamed = await openai.chat.completions.stream(asked).finalChatCompletion();
      const told = whole.choices[0].logprobs!.content!;
      // The last token ends the turn: it is none of the call.
      expect([told.length, told.length + 1]).toContain(whole.usage!.completion_tokens);
      expect(told.map(({ token }) => token).join('')).toMatch(/"Paris".*<\/tool_call>\s*$/s);
      expect(streamed.choices[0].logprobs?.content).toEqual(told);
    },
  );

  it('is, by the responses API', async () => {
    const { output } = await openai.responses.create({
      ...{ model: 'tales', input: 'Weather?', temperature: 0, max_output_tokens: 120, tool_choice: 'required' },
      parallel_tool_calls: false,
      tools: [{ type: 'function', name: 'get_weather', parameters, strict: true }],
    });
    const calls = output.filter((item) => item.type === 'function_call');
    expect(calls.map(({ name }) => name)).toEqual(['get_weather']);
    expect(WEATHER.safeParse(JSON.parse(calls[0].arguments)).success).toBe(true);
  });

  it('is, by @anthropic-ai/sdk', async () => {
    const client = new Anthropic({ baseURL: served.listening.url, apiKey: 'none' });
    const { content, stop_reason } = await client.messages.create({
      ...{ model: 'tales', max_tokens: 120, messages, tool_choice: { type: 'tool', name: 'get_weather' } },
      tools: [{ name: 'get_weather', input_schema: parameters as Anthropic.Tool.InputSchema }],
    });
    expect(stop_reason).toBe('tool_use');
    const calls = content.filter((block) => block.type === 'tool_use');
    expect(calls.map(({ input }) => WEATHER.safeParse(input).success)).toEqual([true]);
  });

  it('is, by ai', async () => {
    const provider = createOpenAICompatible({ name: 'flashrow', baseURL: served.url });
    const { toolCalls } = await generateText({
      ...{ model: provider('tales'), prompt: 'Weather?', temperature: 0, maxOutputTokens: 120 },
      tools: { get_weather: tool({ inputSchema: WEATHER }) },
      toolChoice: { type: 'tool', toolName: 'get_weather' },
    });
    expect(toolCalls.map(({ input }) => WEATHER.safeParse(input).success)).toEqual([true]);
  });

  it('is refused where its schema cannot be kept and has to, and warned of where it need not', async () => {
    const odd = { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } };
    const oddTools = (strict: boolean) => [{ type: 'function', function: { name: 'f', parameters: odd, strict } }];
    const post = async (strict: boolean) => {
      const body = { ...ASKED, max_tokens: 1, tools: oddTools(strict) };
      const response = await fetch(`${served.url}/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
      // biome-ignore lint/suspicious/noExplicitAny: any answer
      return { status: response.status, body: (await response.json()) as any };
    };
    const refused = await post(true);
    expect([refused.status, refused.body.error.code]).toEqual([400, 'unsupported']);
    expect(refused.body.error.message).toMatch(/"f".*uniqueItems/);
    expect((await post(false)).body.flashrow.warnings).toEqual([expect.stringMatching(/may not keep .*uniqueItems/)]);
  });
});

describe('a schema', () => {
  it('is kept, by openai: chats and responses', async () => {
    const format = { name: 'weather', schema: parameters, strict: true };
    const chat = await openai.chat.completions.create({
      ...ASKED,
      response_format: { type: 'json_schema', json_schema: format },
    });
    expect(WEATHER.safeParse(JSON.parse(chat.choices[0].message.content!)).success).toBe(true);
    const { output_text } = await openai.responses.create({
      ...{ model: 'tales', input: 'Weather?', temperature: 0, max_output_tokens: 120 },
      text: { format: { type: 'json_schema', ...format } },
    });
    expect(WEATHER.safeParse(JSON.parse(output_text)).success).toBe(true);
  });

  it('is kept, by ai', async () => {
    const provider = createOpenAICompatible({
      ...{ name: 'flashrow', baseURL: served.url, supportsStructuredOutputs: true },
    });
    const { object } = await generateObject({
      ...{ model: provider('tales'), schema: WEATHER, prompt: 'Weather?', temperature: 0, maxOutputTokens: 120 },
    });
    expect(WEATHER.safeParse(object).success).toBe(true);
  });

  it('is kept, by @langchain/openai', async () => {
    const chat = new ChatOpenAI({
      ...{ model: 'tales', apiKey: 'none', temperature: 0, maxTokens: 120, configuration: { baseURL: served.url } },
    });
    const structured = chat.withStructuredOutput(parameters, { name: 'weather', method: 'jsonSchema' });
    expect(WEATHER.safeParse(await structured.invoke('Weather?')).success).toBe(true);
  });
});
