import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerError } from '../../dist/src/server/failures.js';
import { createServer, type FlashrowServer } from '../../dist/src/server/index.js';
import { formatOf, MESSAGES_REQUEST } from '../../dist/src/server/messages-request.js';
import { bytesOf } from '../../dist/src/server/picture-parts.js';
import { seedOf } from '../../dist/src/server/requests.js';
import { TALES } from '../support/shipped.js';
import { request, TEMPLATE } from './support.js';

interface Answer {
  error: { message: string; param: string | null; code: string | null };
  choices: { flashrow: { warnings: string[]; seed: number } }[];
}

const messages = [{ role: 'user', content: 'Once' }];
const chat = { messages, max_tokens: 2 };
const completion = { prompt: 'Once', max_tokens: 2 };
const anthropic = { model: 'tales', ...chat };
const tool = { type: 'tool', name: 'f' };

describe('a server', () => {
  let server: FlashrowServer;
  beforeAll(() => {
    server = createServer({ models: [{ source: TALES, template: TEMPLATE }], memory: '12MB' });
  });
  afterAll(() => server.close());
  const ask = async (path: string, body: unknown) => {
    const response = await server.fetch(request(path, body));
    return { status: response.status, body: (await response.json()) as Answer };
  };

  it.each<readonly [string, object, string]>([
    ['/v1/messages', { ...anthropic, tool_choice: tool }, 'no tools'],
    ['/v1/messages', { ...anthropic, tool_choice: { type: 'any' } }, 'no tools'],
    ['/v1/responses', { input: 'x', tool_choice: 'required' }, 'no tools'],
    ['/v1/responses', { input: 'x', tool_choice: { type: 'function', name: 'f' } }, 'no tools'],
    ['/v1/chat/completions', { ...chat, tool_choice: { type: 'allowed_tools' } }, 'send only those tools'],
    ['/v1/messages', { ...anthropic, output_format: { type: 'text' } }, 'output_format.type'],
    ['/v1/messages', { ...anthropic, messages: [...messages, { role: 'assistant', content: '{' }] }, 'messages[1]'],
    ...['grammar', 'json_schema', 'guided_json', 'guided_choice', 'guided_regex', 'guided_grammar'].flatMap((name) => [
      ['/v1/chat/completions', { ...chat, [name]: 'x' }, `${name} is not taken`] as const,
      ['/v1/completions', { ...completion, [name]: 'x' }, `${name} is not taken`] as const,
    ]),
    ['/v1/chat/completions', { ...chat, best_of: 2 }, 'best_of'],
    ['/v1/chat/completions', { ...chat, modalities: ['text', 'audio'] }, 'modalities'],
    ['/v1/chat/completions', { ...chat, web_search_options: {} }, 'web_search_options'],
    [
      '/v1/chat/completions',
      { ...chat, logit_bias: null, metadata: 3, chat_template_kwargs: [] },
      'takes an object, not []',
    ],
    [
      '/v1/chat/completions',
      { ...chat, response_format: { type: 'xml' } },
      'response_format.type takes "text", "json_',
    ],
    ['/v1/chat/completions', { ...chat, response_format: 'json' }, 'response_format takes an object whose type is "te'],
    [
      '/v1/responses',
      { input: 'x', text: { format: { type: 'xml' } } },
      'text.format.type takes "text", "json_object"',
    ],
    ['/v1/responses', { input: 'x', n: 2 }, 'n above 1'],
    ['/v1/responses', { input: 'x', stop: ['.'] }, 'stop cannot be had'],
    ['/v1/responses', { input: 'x', prompt: { id: 'p' } }, 'prompt is not known'],
  ])('%s refuses by name: %j', async (path, body, message) => {
    expect(await ask(path, body)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(message) } },
    });
  });

  it.each([{ max_tokens: -1 }, { max_completion_tokens: -1 }, { stop: '' }, { stop: [''] }, { functions: [] }])(
    'takes what clients send that ask for nothing: %j',
    async (more) => {
      const schema = { enum: ['Lily'] };
      const ended = { response_format: { type: 'json_schema', json_schema: { schema } } };
      expect((await ask('/v1/chat/completions', { messages, ...ended, ...more })).status).toBe(200);
    },
  );

  it.each<readonly [string, object, string]>([
    ['/v1/chat/completions', { ...chat, max_tokens: -2 }, 'max_tokens takes a number of at least -1, not -2'],
    ['/v1/chat/completions', { ...chat, max_tokens: 1.5 }, 'max_tokens takes a whole number, not 1.5'],
    ['/v1/chat/completions', { messages: [] }, 'messages takes a list of at least 1 entry, not []'],
    ['/v1/chat/completions', { ...chat, top_p: 0 }, 'top_p takes a number above 0, not 0'],
    ['/v1/chat/completions', { ...chat, logit_bias: { a: 1 } }, 'logit_bias takes ids of tokens as names'],
    ['/v1/chat/completions', { ...chat, tool_choice: 'any' }, '"none" or "auto" or "required" or an object, not "any"'],
    ['/v1/completions', {}, 'prompt is missing: it takes a text or a list'],
    ['/v1/completions', [], 'the body takes an object, not []'],
    ['/v1/messages', { ...anthropic, max_tokens: -1 }, 'max_tokens takes a number of at least 1, not -1'],
    ['/v1/responses', { input: 'x', max_output_tokens: -1 }, 'max_output_tokens takes a number of at least 1, not -1'],
    ['/v1/responses', { input: [{ content: 5 }] }, 'input[0].content takes a text or a list, not 5'],
  ])('%s says in a sentence what is wrong: %j', async (path, body, message) => {
    const { body: told } = await ask(path, body);
    expect(told.error.message).toContain(message);
  });

  it('null, and what asks for nothing, is taken', async () => {
    const nothing = { grammar: null, json_schema: null, best_of: 1, functions: [], modalities: ['text'] };
    const more = { ignore_eos: true, n: 2, seed: Number.MAX_SAFE_INTEGER, reasoning_effort: 'low' };
    const { status, body } = await ask('/v1/chat/completions', { ...chat, ...nothing, ...more });
    expect(status).toBe(200);
    const { warnings } = body.choices[0].flashrow;
    expect(warnings.join()).toContain('`reasoning_effort` changes nothing');
    expect(body.choices[1].flashrow.seed).toBe(0);
  });

  it('a path tells which methods it takes, and a name that is badly written is none', async () => {
    const wrong = await server.fetch(new Request('http://localhost/v1/chat/completions'));
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    const head = await server.fetch(new Request('http://localhost/health', { method: 'HEAD' }));
    expect(head.status).toBe(200);
    for (const path of ['/v1/models/%zz', '/forecast?model=%zz', '/activity?model=%zz'])
      expect((await server.fetch(request(path))).status).toBe(404);
  });

  it('a body is UTF-8, and is not compressed', async () => {
    const post = (body: Uint8Array<ArrayBuffer>, headers = {}) =>
      server.fetch(new Request('http://localhost/v1/completions', { method: 'POST', body, headers }));
    const latin = new Uint8Array(Buffer.from('{"prompt": "\xe9"}', 'latin1'));
    expect((await post(latin)).status).toBe(400);
    const packed = new Uint8Array(gzipSync('{"prompt": "x"}'));
    expect((await post(packed, { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await ask('/v1/completions', [])).body.error.param).toBe(null);
  });
});

it('counters are there before the first answer', async () => {
  const server = createServer({ models: [{ name: 'tales', source: TALES }] });
  const text = await (await server.fetch(request('/metrics'))).text();
  expect(text).toContain('flashrow_answers_total{model="tales"} 0');
  expect(text).toContain('flashrow_tokens_predicted_total{model="tales"} 0');
  await server.close();
});

it('a server that has ended answers nothing, and ends its connections', async () => {
  const told: unknown[] = [];
  const server = createServer({ models: [TALES], onError: (error) => told.push(error) });
  expect((await server.fetch(request('/v1/models'))).status).toBe(200);
  await server.close();
  for (const path of ['/v1/models', '/health', '/']) {
    const { status, headers } = await server.fetch(request(path));
    expect([status, headers.get('connection')]).toEqual([503, 'close']);
  }
  expect(told).toEqual([]);
});

it('a client that leaves is no failure, whether it reads a stream or not', async () => {
  const told: unknown[] = [];
  const server = createServer({ models: [TALES], onError: (error) => told.push(error) });
  for (const stream of [false, true]) {
    const leaving = new AbortController();
    const asked = request('/v1/completions', { prompt: 'Once', stream });
    const answer = server.fetch(new Request(asked, { signal: leaving.signal }));
    setTimeout(() => leaving.abort(), 5);
    await answer.then((response) => response.text()).catch(() => {});
  }
  expect(told).toEqual([]);
  await server.close();
});

it("options that are the operator's are no fault of a request", async () => {
  const told: unknown[] = [];
  const server = createServer({
    models: [{ source: TALES, options: { contextSize: 1_000_000 } }],
    onError: (error) => told.push(error),
  });
  const response = await server.fetch(request('/v1/completions', completion));
  expect(response.status).toBe(500);
  expect(((await response.json()) as Answer).error).toMatchObject({ code: 'model_not_loadable', param: null });
  expect(told).toHaveLength(1);
  await expect(server.load()).rejects.toMatchObject({ code: 'BAD_USAGE' });
  await server.close();
});

it('the format of an answer stands in output_config, or as it was once in output_format', () => {
  const format = { type: 'json_schema', schema: { type: 'object' } };
  for (const more of [{ output_config: { format } }, { output_format: format }])
    expect(formatOf(MESSAGES_REQUEST.parse({ ...anthropic, ...more }))).toEqual(format);
});

it('a seed wraps, and a data URI may be written in any way that is legal', () => {
  expect([seedOf(5, 2), seedOf(Number.MAX_SAFE_INTEGER, 1), seedOf(undefined, 1)]).toEqual([7, 0, undefined]);
  const bytes = Buffer.from('iVBORw==', 'base64');
  for (const uri of ['data:image/png;charset=x;base64,iVBORw==', 'DATA:image/png;base64,iVBO\r\nRw=='])
    expect(bytesOf(uri, 'x')).toEqual(bytes);
  expect(() => bytesOf('data:image/png,abc', 'x')).toThrowError(ServerError);
});
