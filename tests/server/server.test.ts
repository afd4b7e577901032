import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type FlashrowServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request, TEMPLATE } from './support.js';

let server: FlashrowServer;
const errors: unknown[] = [];
beforeAll(() => {
  server = createServer({
    models: [{ name: 'org/tales', source: TALES, template: TEMPLATE, options: { contextSize: 128 } }],
    ...{
      memory: '12MB',
      maxBodyBytes: 100_000,
      origins: ['https://app.example'],
      onError: (error) => errors.push(error),
    },
  });
});
afterAll(() => server.close());

const TOOL = { type: 'function', function: { name: 'get_weather' } };
const messages = [{ role: 'user', content: 'Once upon a time' }];
const post = async (path: string, body: unknown, headers?: Record<string, string>) => {
  const response = await server.fetch(request(path, body, headers));
  // biome-ignore lint/suspicious/noExplicitAny: any answer
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
};

describe('an answer', () => {
  it('is the same whole and streamed, with role, finish_reason, usage and [DONE] where they belong', async () => {
    const body = { messages, max_tokens: 12, temperature: 0 };
    const whole = await post('/v1/chat/completions', body);
    expect(whole.body).toMatchObject({
      object: 'chat.completion',
      model: 'org/tales',
      choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'length' }],
      usage: { completion_tokens: 12, prompt_tokens_details: { cached_tokens: 0 } },
      flashrow: { receipt: { exact: true } },
    });
    expect(whole.body.choices[0].message).not.toHaveProperty('tool_calls');
    const streamed = await server.fetch(
      request('/v1/chat/completions', { ...body, stream: true, stream_options: { include_usage: true } }),
    );
    expect(streamed.headers.get('content-type')).toMatch('text/event-stream');
    const lines = (await streamed.text()).split('\n\n').filter((line) => line !== '' && line !== ':');
    expect(lines.pop()).toBe('data: [DONE]');
    const chunks = lines.map((line) => JSON.parse(line.replace(/^data: /, '')));
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const usage = chunks.pop();
    expect(usage).toMatchObject({
      choices: [],
      usage: { completion_tokens: 12, prompt_tokens: whole.body.usage.prompt_tokens },
    });
    expect(chunks[0].choices[0].delta.role).toBe('assistant');
    expect(chunks.slice(1).some(({ choices }) => 'role' in choices[0].delta)).toBe(false);
    expect(chunks.map(({ choices }) => choices[0].finish_reason)).toEqual([
      ...chunks.slice(1).map(() => null),
      'length',
    ]);
    const text = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
    expect(text).toBe(whole.body.choices[0].message.content);
  });

  it('of a completion goes on with a text, or ids', async () => {
    const { body } = await post('/v1/completions', { prompt: 'Once upon a time', max_tokens: 8, temperature: 0 });
    const echoed = await post('/v1/completions', { prompt: ['Once upon a time'], max_tokens: 8, echo: true, seed: 1 });
    expect(echoed.body.choices[0].text).toBe(`Once upon a time${body.choices[0].text}`);
    const stopped = await post('/v1/completions', {
      prompt: [1, 403, 407],
      max_tokens: 8,
      stop: body.choices[0].text[3],
    });
    expect(stopped.status).toBe(200);
  });
});

describe('what is wrong', () => {
  it('is told as OpenAI does, with its place', async () => {
    const bad = async (body: unknown, path = '/v1/chat/completions') => {
      const { status, body: answer } = await post(path, body);
      return [status, answer.error.param, answer.error.code];
    };
    expect(await bad('{')).toEqual([400, null, 'invalid_json']);
    expect(await bad({})).toEqual([400, 'messages', 'invalid_value']);
    expect(await bad({ messages, temperature: 'hot' })).toEqual([400, 'temperature', 'invalid_value']);
    expect(await bad({ messages: [{ content: 'x' }] })).toEqual([400, 'messages[0].role', 'invalid_value']);
    for (const [field, value] of Object.entries({
      ...{ n: 0, logprobs: 5, top_logprobs: 101, logit_bias: { a: 1 }, presence_penalty: 'x', typical_p: 0 },
    }))
      expect(await bad({ messages, [field]: value })).toEqual([400, field, 'invalid_value']);
    expect(await bad({ messages, top_logprobs: 2 })).toEqual([400, 'top_logprobs', 'unsupported_value']);
    expect(await bad({ messages, logit_bias: { 4096: 1 } })).toEqual([400, 'logit_bias', 'bad_usage']);
    const alien = [...messages, { role: 'alien', content: 'x' }];
    expect(await bad({ messages: alien })).toEqual([400, 'messages[1].role', 'bad_usage']);
    const format = { type: 'json_schema', json_schema: { schema: { type: 'array', uniqueItems: true } } };
    expect(await bad({ messages, response_format: format })).toEqual([400, 'response_format', 'unsupported']);
    const twice = Array(2).fill({ type: 'function', function: { name: 'f' } });
    expect(await bad({ messages, tools: twice })).toEqual([400, 'tools[1].function.name', 'bad_usage']);
    expect(await bad({ prompt: 'x', best_of: 2 }, '/v1/completions')).toEqual([400, 'best_of', 'unsupported_value']);
    const echoed = { prompt: 'x', echo: true, logprobs: 1 };
    expect(await bad(echoed, '/v1/completions')).toEqual([400, 'logprobs', 'unsupported_value']);
    expect(await bad({ messages, model: 'gpt-5' })).toEqual([404, 'model', 'model_not_found']);
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }];
    expect(await bad({ messages: image })).toEqual([400, 'messages[0].content[0].image_url', 'unsupported_value']);
    expect(await bad({ input: 'x' }, '/v1/embeddings')).toEqual([404, null, 'not_found']);
    expect(await bad({ messages, pad: 'x'.repeat(100_000) })).toEqual([413, null, 'body_too_large']);
    const never = { type: 'json_schema', json_schema: { schema: false } };
    expect(await bad({ messages, response_format: never })).toEqual([400, 'response_format', 'bad_usage']);
    const xml = { prompt: 'x', response_format: { type: 'xml' } };
    expect((await bad(xml, '/v1/completions')).slice(0, 2)).toEqual([400, 'response_format.type']);
  });

  it('of a body that was too large says that no request can follow on its connection', async () => {
    const { headers } = await post('/v1/completions', { prompt: 'x', pad: 'x'.repeat(100_000) });
    expect(headers.get('connection')).toBe('close');
  });

  it('keeps a format in completions, too', async () => {
    const format = { type: 'json_schema', json_schema: { schema: { enum: ['Lily'] } } };
    const { body } = await post('/v1/completions', { prompt: 'A girl named', response_format: format, temperature: 0 });
    expect(JSON.parse(body.choices[0].text)).toBe('Lily');
  });

  it.each<[string, object, string, RegExp]>([
    [
      'a format of an unknown type',
      { response_format: { type: 'xml' } },
      'response_format.type',
      /"text", "json_object" or "json_schema"/,
    ],
    [
      'a format that is a text',
      { response_format: 'json' },
      'response_format',
      /"text", "json_object" or "json_schema"/,
    ],
    [
      'a format without its schema',
      { response_format: { type: 'json_schema', json_schema: {} } },
      'response_format.json_schema.schema',
      /is missing: it takes an object or true or false/,
    ],
    ['a stop that is a number', { stop: 5 }, 'stop', /^stop takes a text or a list, not 5$/],
    ['a stop that holds a number', { stop: ['a', 5] }, 'stop[1]', /^stop\[1\] takes a text, not 5$/],
    [
      'a part without a type',
      { messages: [{ role: 'user', content: [{}] }] },
      'messages[0].content[0].type',
      /is missing: it takes a text$/,
    ],
    [
      'a choice of a tool that is not there',
      { tools: [TOOL], tool_choice: { type: 'function', function: { name: 'get_time' } } },
      'tool_choice',
      /^tool_choice asks for the tool "get_time", which is not in tools: there is get_weather$/,
    ],
    [
      'too many log-probabilities',
      { logprobs: true, top_logprobs: 101 },
      'top_logprobs',
      /^top_logprobs takes a number of at most 100, not 101$/,
    ],
    [
      'a schema that cannot be kept',
      { response_format: { type: 'json_schema', json_schema: { schema: { uniqueItems: true } } } },
      'response_format',
      /`response_format`.*uniqueItems/,
    ],
  ])('says what was expected: %s', async (_, more, param, message) => {
    for (const stream of [false, true]) {
      const { status, body } = await post('/v1/chat/completions', { messages, stream, ...more });
      expect([status, body.error.param]).toEqual([400, param]);
      expect(body.error.message).toMatch(message);
    }
  });

  it.each<[string, string | undefined, object]>([
    ['/v1/chat/completions', 'logit_bias', { messages, logit_bias: { 4096: 1 } }],
    ['/v1/completions', 'logit_bias', { prompt: 'x', logit_bias: { 4096: 1 } }],
    ['/v1/completions', 'logit_bias', { prompt: [1, 2], logit_bias: { 4096: 1 } }],
    ['/v1/completions', undefined, { prompt: [1, 5000] }],
    [
      '/v1/chat/completions',
      'tools',
      {
        messages,
        tools: [{ type: 'function', function: { ...TOOL.function, strict: true, parameters: { uniqueItems: true } } }],
      },
    ],
  ])('is told before the headers of a stream: %s, %s', async (path, param, body) => {
    const { status, body: answer } = await post(path, { ...body, stream: true });
    expect([status, answer.error.param?.split(/[.[]/)[0]]).toEqual([400, param]);
  });

  it('says so of the other APIs as well', async () => {
    const said = async (path: string, body: object) => (await post(path, body)).body.error.message;
    const format = { text: { format: { type: 'xml' } } };
    expect(await said('/v1/responses', { input: 'x', ...format })).toMatch(/"text", "json_object" or "json_schema"/);
    const tools = [{ type: 'function', name: 'f' }];
    const choice = { tools, tool_choice: { type: 'function', name: 'g' } };
    expect(await said('/v1/responses', { input: 'x', ...choice })).toMatch(/"g", which is not in tools: there is f/);
    const asked = { model: 'org/tales', max_tokens: 1, messages, tools: [{ name: 'f' }] };
    const other = { ...asked, tool_choice: { type: 'tool', name: 'g' } };
    expect(await said('/v1/messages', other)).toMatch(/"g", which is not in tools: there is f/);
  });

  it.each([{ messages }, { tools: [] }, { tool_choice: 'none' }, { top_logprobs: 1 }])(
    'is of a completion what only chats have: %j',
    async (more) => {
      const { status, body } = await post('/v1/completions', { prompt: 'x', max_tokens: 1, ...more });
      const [param] = Object.keys(more);
      expect([status, body.error.param]).toEqual([400, param]);
      expect(body.error.message).toBe(`${param} goes with /v1/chat/completions`);
    },
  );

  it('is not what is the default, or not known', async () => {
    const { status } = await post('/v1/chat/completions', {
      ...{
        model: 'org/tales',
        messages,
        max_completion_tokens: 1,
        n: 1,
        logprobs: false,
        logit_bias: {},
        presence_penalty: 0,
      },
      ...{
        frequency_penalty: null,
        response_format: { type: 'text' },
        tools: [],
        user: 'me',
        store: false,
        metadata: null,
      },
    });
    expect(status).toBe(200);
  });

  it('is a context that is too small, in the words that agents know, before the stream begins', async () => {
    const long = [{ role: 'user', content: 'and then '.repeat(200) }];
    const { status, body } = await post('/v1/chat/completions', { messages: long, stream: true });
    const { n_prompt_tokens: tokens } = body.error;
    expect(tokens).toBeGreaterThan(128);
    expect([status, body.error]).toEqual([
      400,
      {
        message: `request (${tokens} tokens) exceeds the available context size (128 tokens)`,
        ...{ type: 'exceed_context_size_error', code: 'context_length_exceeded', param: null },
        ...{ n_prompt_tokens: tokens, n_ctx: 128 },
      },
    ]);
  });

  it('is a name or an origin of somebody else', async () => {
    const get = async (headers: Record<string, string>) =>
      (await server.fetch(request('/v1/models', undefined, headers))).status;
    expect(await get({ host: 'evil.example' })).toBe(403);
    expect(await get({ host: '127.0.0.1:8080' })).toBe(200);
    expect(await get({ host: 'localhost:8080', origin: 'http://localhost:8080' })).toBe(200);
    expect(await get({ host: 'localhost:8080', origin: 'https://evil.example' })).toBe(403);
    const asked = new Request('http://localhost/v1/chat/completions', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-headers': 'authorization' },
    });
    const allowed = await server.fetch(asked);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(allowed.headers.get('access-control-allow-headers')).toBe('authorization');
  });

  it('is a key that is missing, but not for /health', async () => {
    const locked = createServer({ models: [TALES], apiKey: 'secret' });
    const get = async (path: string, headers?: Record<string, string>) =>
      (await locked.fetch(request(path, undefined, headers))).status;
    expect(await get('/v1/models')).toBe(401);
    expect(await get('/v1/models', { authorization: 'Bearer other' })).toBe(401);
    expect(await get('/v1/models', { authorization: 'Bearer secret' })).toBe(200);
    expect(await get('/v1/models', { 'x-api-key': 'secret', host: 'box.local' })).toBe(200);
    expect(await get('/health')).toBe(200);
    await locked.close();
  });

  it('was none of the server', () => {
    expect(errors).toEqual([]);
  });
});

describe('what clients look at first', () => {
  it('has the size of the context, the models and the counters', async () => {
    const get = async (path: string) => server.fetch(request(path));
    const { data } = (await (await get('/v1/models')).json()) as { data: object[] };
    expect(data).toMatchObject([
      { id: 'org/tales', object: 'model', meta: { n_ctx: 128, n_ctx_train: 512, n_params: 8917248 } },
    ]);
    expect(await (await get('/v1/models/org/tales')).json()).toEqual(data[0]);
    expect((await get('/v1/models/other')).status).toBe(404);
    expect(await (await get('/props')).json()).toMatchObject({
      default_generation_settings: { n_ctx: 128 },
      total_slots: 1,
    });
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/^flashrow_tokens_predicted_total\{model="org\/tales"\} [1-9]/m);
    expect(metrics).toMatch(/^flashrow_requests_processing\{model="org\/tales"\} 0/m);
  });
});
