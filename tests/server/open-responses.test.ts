import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TALES } from '../support/shipped.js';
import { type Served, serveTales, TEMPLATE } from './support.js';

/*
 * What the compliance suite of Open Responses asks for (openresponses/openresponses, src/lib/compliance-tests.ts), and
 * the objects of its specification of 2026-04-24 (public/openapi/openapi.json), of which every field is required that
 * is not optional here.
 */

const STATUS = z.enum(['in_progress', 'completed', 'incomplete']);
const SCORED = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()) };
const LOGPROBS = z.array(z.object({ ...SCORED, top_logprobs: z.array(z.object(SCORED)) }));
const TEXT = z.object({
  ...{ type: z.literal('output_text'), text: z.string(), annotations: z.array(z.never()), logprobs: LOGPROBS },
});
const MESSAGE = z.object({
  ...{ type: z.literal('message'), id: z.string(), status: STATUS, role: z.literal('assistant') },
  content: z.array(TEXT),
});
const CALL = z.object({
  ...{ type: z.literal('function_call'), id: z.string(), call_id: z.string(), name: z.string() },
  ...{ arguments: z.string(), status: STATUS },
});
const ITEM = z.discriminatedUnion('type', [MESSAGE, CALL]);
const FORMAT = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({
    ...{ type: z.literal('json_schema'), name: z.string(), description: z.string().nullable() },
    ...{ schema: z.unknown(), strict: z.boolean() },
  }),
]);
const TOOL = z.object({
  ...{ type: z.literal('function'), name: z.string(), description: z.string().nullable() },
  ...{ parameters: z.record(z.string(), z.unknown()).nullable(), strict: z.boolean().nullable() },
});
const USAGE = z.object({
  ...{ input_tokens: z.int(), output_tokens: z.int(), total_tokens: z.int() },
  input_tokens_details: z.object({ cached_tokens: z.int() }),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
});
const RESPONSE = z.object({
  ...{ id: z.string(), object: z.literal('response'), created_at: z.int(), completed_at: z.int().nullable() },
  ...{ status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']), model: z.string() },
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  ...{ previous_response_id: z.string().nullable(), instructions: z.string().nullable(), output: z.array(ITEM) },
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  ...{ tools: z.array(TOOL), tool_choice: z.enum(['none', 'auto', 'required']), truncation: z.literal('disabled') },
  ...{ parallel_tool_calls: z.boolean(), text: z.object({ format: FORMAT }), top_p: z.number() },
  ...{ presence_penalty: z.number(), frequency_penalty: z.number(), temperature: z.number() },
  reasoning: z.object({ effort: z.string().nullable(), summary: z.string().nullable() }).nullable(),
  ...{ top_logprobs: z.int(), usage: USAGE.nullable(), max_output_tokens: z.int().nullable() },
  ...{ max_tool_calls: z.int().nullable(), store: z.boolean(), background: z.boolean(), service_tier: z.string() },
  ...{ metadata: z.record(z.string(), z.string()), safety_identifier: z.string().nullable() },
  prompt_cache_key: z.string().nullable(),
});

const NUMBERED = { sequence_number: z.int() };
const PLACED = { ...NUMBERED, output_index: z.int(), item_id: z.string() };
const IN_PART = { ...PLACED, content_index: z.int() };
const event = <Fields extends z.ZodRawShape>(name: string, fields: Fields) =>
  z.object({ type: z.literal(name), ...fields });
const EVENT = z.union([
  ...['created', 'in_progress', 'completed', 'incomplete'].map((name) =>
    event(`response.${name}`, { ...NUMBERED, response: RESPONSE }),
  ),
  ...['added', 'done'].map((name) =>
    event(`response.output_item.${name}`, { ...NUMBERED, output_index: z.int(), item: ITEM }),
  ),
  ...['added', 'done'].map((name) => event(`response.content_part.${name}`, { ...IN_PART, part: TEXT })),
  event('response.output_text.delta', { ...IN_PART, delta: z.string(), logprobs: LOGPROBS }),
  event('response.output_text.done', { ...IN_PART, text: z.string(), logprobs: LOGPROBS }),
  event('response.function_call_arguments.delta', { ...PLACED, delta: z.string() }),
  event('response.function_call_arguments.done', { ...PLACED, arguments: z.string() }),
]);

const TOOLS = [
  {
    ...{ type: 'function', name: 'get_weather', description: 'Get the current weather for a location' },
    parameters: {
      ...{ type: 'object', properties: { location: { type: 'string', maxLength: 8 } }, required: ['location'] },
    },
  },
];
const user = (content: unknown) => ({ type: 'message', role: 'user', content });
const REQUESTS: Record<string, object> = {
  'a message': { input: [user('Say hello in exactly 3 words.')] },
  'a system prompt': { input: [{ type: 'message', role: 'system', content: 'Be a pirate.' }, user('Say hello.')] },
  'several turns': {
    input: [
      user('My name is Alice.'),
      { type: 'message', role: 'assistant', content: 'Hello Alice!' },
      user([{ type: 'input_text', text: 'What is my name?' }]),
    ],
  },
  'a call of a tool': { input: [user('The weather?')], tools: TOOLS, tool_choice: 'required', max_tool_calls: 1 },
  'a schema': {
    input: 'Yes or no?',
    text: { format: { type: 'json_schema', name: 'answer', schema: { enum: ['yes', 'no'] } } },
  },
  'all that it repeats': {
    ...{ input: 'Once', instructions: 'Go on.', top_p: 0.9, presence_penalty: 0.1, store: true },
    ...{ metadata: { a: 'b' }, safety_identifier: 'me', prompt_cache_key: 'key', top_logprobs: 2 },
    include: ['message.output_text.logprobs'],
  },
};

let served: Served;
beforeAll(async () => {
  const options = { contextSize: 512 };
  served = await serveTales({ models: [{ name: 'tales', source: TALES, template: TEMPLATE, options }] });
});
afterAll(() => served.end());

const ask = (more: object) => {
  const body = JSON.stringify({ model: 'tales', max_output_tokens: 80, temperature: 0, ...more });
  return fetch(`${served.url}/responses`, { method: 'POST', body });
};

describe.each(Object.entries(REQUESTS))('%s', (name, request) => {
  it('is answered by a response as it is specified', async () => {
    const response = RESPONSE.parse(await (await ask(request)).json());
    expect(['completed', 'incomplete']).toContain(response.status);
    const types = response.output.map(({ type }) => type);
    expect(types).toEqual([name === 'a call of a tool' ? 'function_call' : 'message']);
    // What was cut off says so, in the item too.
    if (response.status === 'incomplete') expect(response.output[0].status).toBe('incomplete');
    else expect([response.output[0].status, response.completed_at]).toEqual(['completed', expect.any(Number)]);
  });

  it('is streamed by events as they are specified, which end with the same response', async () => {
    const whole = RESPONSE.parse(await (await ask(request)).json());
    const events: z.infer<typeof EVENT>[] = [];
    const parser = createParser({
      onEvent({ event: name, data }) {
        const parsed = EVENT.parse(JSON.parse(data));
        expect(parsed.type).toBe(name);
        events.push(parsed);
      },
    });
    parser.feed(await (await ask({ ...request, stream: true })).text());
    expect(events.map((each) => each.sequence_number)).toEqual([...events.keys()]);
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
    const { type, ...last } = events[events.length - 1];
    const streamed = RESPONSE.parse('response' in last ? last.response : null);
    expect(type).toBe(`response.${whole.status}`);
    const shape = ({ output, status, text, temperature, top_p }: typeof whole) => ({
      ...{ status, text, temperature, top_p },
      output: output.map((item) => ({ ...item, id: '', ...(item.type === 'function_call' ? { call_id: '' } : {}) })),
    });
    expect(shape(streamed)).toEqual(shape(whole));
  });
});

it('what was asked for is repeated, and log-probabilities are told', async () => {
  const response = RESPONSE.parse(await (await ask(REQUESTS['all that it repeats'])).json());
  expect(response).toMatchObject({
    ...{ instructions: 'Go on.', top_p: 0.9, presence_penalty: 0.1, metadata: { a: 'b' } },
    ...{ safety_identifier: 'me', prompt_cache_key: 'key', top_logprobs: 2, store: false },
  });
  const [item] = response.output;
  const [{ text, logprobs }] = item.type === 'message' ? item.content : [];
  expect(logprobs.map(({ token }) => token).join('')).toBe(text);
  expect(logprobs.every(({ top_logprobs: top }) => top.length === 2)).toBe(true);
});

it('a picture is taken where the model has eyes, and else refused by name', async () => {
  const pixel =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const input = [
    user([
      { type: 'input_text', text: 'What is it?' },
      { type: 'input_image', image_url: pixel },
    ]),
  ];
  const refused = await ask({ input });
  expect(refused.status).toBe(400);
  const { error } = (await refused.json()) as { error: { code: string; param: string; message: string } };
  expect([error.code, error.message]).toEqual(['unsupported', expect.stringMatching(/picture|eyes|image/)]);
  const fetched = await ask({ input: [user([{ type: 'input_image', image_url: 'http://localhost/x.png' }])] });
  expect(await fetched.json()).toMatchObject({ error: { param: 'input[0].content[0].image_url' } });
});
