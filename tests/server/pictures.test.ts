import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { createServer } from '../../dist/src/server/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { TALES } from '../support/shipped.js';
import { request, TEMPLATE } from './support.js';

const cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-server-pictures-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));
const uri = (path: string) => `data:image/png;base64,${readFileSync(path).toString('base64')}`;

interface Case {
  image: string | string[] | null;
  messages: { role: string; content: { type: string; text?: string }[] }[];
  ids: number[];
  then: [number, unknown][];
}

describe.skipIf(!haveSharedData)(`pictures of a request${withoutSharedData}`, () => {
  it('are seen: what follows is what transformers writes', { timeout: 600_000 }, async () => {
    const folder = sharedPath('vision/llava');
    const cases: Case[] = sharedJson('vision/llava.json').cases;
    const one = cases.find(({ image }) => typeof image === 'string' && image.endsWith('.png'))!;
    const images = [uri(sharedPath(`vision/pictures/${one.image}`))].values();
    const messages = one.messages.map(({ role, content }) => ({
      role,
      content: content.map((part) =>
        part.type === 'image' ? { type: 'image_url', image_url: { url: images.next().value } } : part,
      ),
    }));
    const options = { cacheDir, threads: 2 };
    const model = await loadModel(folder, { ...options, memory: '300MB' });
    const then = await model.detokenize(one.then.map(([id]) => id));
    await model.dispose();
    const server = createServer({ models: [{ name: 'llava', source: folder, options }], memory: '300MB' });
    const response = await server.fetch(
      request('/v1/chat/completions', { messages, max_tokens: one.then.length, temperature: 0 }),
    );
    const { choices, usage } = (await response.json()) as {
      choices: { message: { content: string } }[];
      usage: { prompt_tokens: number };
    };
    expect([choices[0].message.content.trim(), usage.prompt_tokens]).toEqual([then.trim(), one.ids.length]);
    // The other APIs write pictures otherwise, and the answer is the same.
    const parts = messages.map(({ role, content }) => ({
      role,
      content: content.map((part) => ('image_url' in part ? (part.image_url.url ?? '') : (part.text ?? ''))),
    }));
    const input = parts.map(({ role, content }) => ({
      role,
      content: content.map((text) =>
        text.startsWith('data:') ? { type: 'input_image', image_url: text } : { type: 'input_text', text },
      ),
    }));
    const asked = { temperature: 0, max_tokens: one.then.length, max_output_tokens: one.then.length };
    interface Said {
      content: { text: string }[];
    }
    const responded = await server.fetch(request('/v1/responses', { input, ...asked }));
    const { output } = (await responded.json()) as { output: Said[] };
    expect(output[0].content[0].text.trim()).toBe(then.trim());
    const seen = parts.map(({ role, content }) => ({
      role,
      content: content.map((text) => {
        const [, media_type, data] = /^data:(.*);base64,(.*)$/.exec(text) ?? [];
        if (data === undefined) return { type: 'text', text };
        return { type: 'image', source: { type: 'base64', media_type, data } };
      }),
    }));
    const said = await server.fetch(request('/v1/messages', { model: 'llava', messages: seen, ...asked }));
    expect(((await said.json()) as Said).content[0].text.trim()).toBe(then.trim());

    // A file that was cut short is the client's, streamed or not.
    const bytes = readFileSync(sharedPath(`vision/pictures/${one.image}`));
    const url = `data:image/png;base64,${bytes.subarray(0, bytes.length / 2).toString('base64')}`;
    for (const stream of [false, true]) {
      const content = [{ type: 'image_url', image_url: { url } }];
      const body = { messages: [{ role: 'user', content }], max_tokens: 1, stream };
      const damaged = await server.fetch(request('/v1/chat/completions', body));
      expect([damaged.status, await damaged.json()]).toMatchObject([
        400,
        { error: { type: 'invalid_request_error', param: 'messages', code: 'corrupt' } },
      ]);
    }
    await server.close();
  });
});

describe('a request with a picture', () => {
  const server = createServer({ models: [{ name: 'tales', source: TALES, template: TEMPLATE }], memory: '12MB' });
  afterAll(() => server.close());
  const refusal = async (part: object) => {
    const messages = [{ role: 'user', content: [part] }];
    const response = await server.fetch(request('/v1/chat/completions', { messages }));
    const { error } = (await response.json()) as { error: { message: string } };
    return [response.status, error.message];
  };

  it.each([
    [{ type: 'image', image: '/etc/hostname' }, 'write it as image_url'],
    [{ type: 'image_url', image_url: { url: 'http://localhost/a.png' } }, 'no data URI'],
    [{ type: 'image_url', image_url: { url: 'file:///etc/hostname' } }, 'no data URI'],
    [{ type: 'image_url', image_url: 'data:image/png;base64,?' }, 'no data URI'],
    [{ type: 'image_url' }, 'has no url'],
    [{ type: 'region', mask: '/etc/hostname' }, 'mask is no data URI'],
    [{ type: 'image_url', image_url: 'data:image/png;base64,iVBORw0KGgo=' }, 'picture'],
  ])('is refused, and nothing is read for it: %j', async (part, why) => {
    expect(await refusal(part)).toEqual([400, expect.stringContaining(why)]);
  });
});

it('a call that is asked for without tools is refused', async () => {
  const server = createServer({ models: [{ name: 'tales', source: TALES, template: TEMPLATE }], memory: '12MB' });
  const body = { messages: [{ role: 'user', content: 'x' }], tool_choice: 'required', tools: [] };
  const response = await server.fetch(request('/v1/chat/completions', body));
  expect([response.status, await response.json()]).toMatchObject([400, { error: { param: 'tool_choice' } }]);
  await server.close();
});
