import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { createServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request } from './support.js';

const server = createServer({ models: [TALES], apiKey: 'secret' });
afterAll(() => server.close());

interface Description {
  openapi: string;
  paths: Record<string, Record<string, { requestBody?: { content: { 'application/json': { schema: object } } } }>>;
}

const described = async (): Promise<Description> =>
  (await (await server.fetch(request('/openapi.json'))).json()) as Description;

describe('the description of the server', () => {
  it('names endpoints that are there, and no other', async () => {
    const { openapi, paths } = await described();
    expect(openapi).toBe('3.1.0');
    const key = { authorization: 'Bearer secret' };
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods)) {
        const at = path.replace('{model}', 'tales');
        const { status } = await server.fetch(request(at, method === 'post' ? '{' : undefined, key));
        expect([path, status]).toEqual([path, method === 'post' ? 400 : 200]);
      }
  });

  it('says what bodies may hold, by the schemas that check them', async () => {
    const { paths } = await described();
    const schema = paths['/v1/chat/completions'].post.requestBody!.content['application/json'].schema;
    const isValid = new Ajv2020({ strict: false }).compile(schema);
    const messages = [{ role: 'user', content: 'x' }];
    expect(isValid({ messages, temperature: null, top_logprobs: 3, unknown: 1 })).toBe(true);
    expect(isValid({ messages: [] })).toBe(false);
    expect(isValid({ messages, temperature: 'hot' })).toBe(false);
    expect(isValid({ messages, n: 0 })).toBe(false);
  });

  it('is a page, too, without scripts and without anything from elsewhere', async () => {
    const response = await server.fetch(request('/docs'));
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    const html = await response.text();
    const { paths } = await described();
    for (const path of Object.keys(paths)) expect(html).toContain(`<code>${path}</code>`);
    expect(html).toContain('<code>messages.role</code></th><td>text, required</td>');
    expect(html).toMatch(/<code>temperature<\/code><\/th><td>number from 0 to 100/);
    expect(html).not.toMatch(/<script|src=|https?:/);
  });
});
