import { expect, it } from 'vitest';
import { createServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request, TEMPLATE } from './support.js';

it('as many answers at once as there are sequences, each as alone', async () => {
  const serve = (sequences?: number) =>
    createServer({
      models: [{ source: TALES, template: TEMPLATE, options: { contextSize: 128, sequences } }],
      memory: '16MB',
    });
  const ask = (content: string) =>
    request('/v1/chat/completions', {
      ...{ messages: [{ role: 'user', content }], max_tokens: 40, temperature: 0, stream: true },
    });
  const contents = ['Once upon a time', 'The cat sat on', 'One day a little girl named'];
  const textOf = (events: string) =>
    events
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)).choices[0]?.delta.content ?? '')
      .join('');

  const alone = serve();
  const expected: string[] = [];
  for (const content of contents) expected.push(textOf(await (await alone.fetch(ask(content))).text()));
  await alone.close();

  const server = serve(3);
  const order: number[] = [];
  const texts = await Promise.all(
    contents.map(async (content, i) => {
      const { body } = await server.fetch(ask(content), `client ${i}`);
      const decoder = new TextDecoder();
      let events = '';
      for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
        events += decoder.decode(bytes, { stream: true });
        if (textOf(events) !== '') order.push(i);
      }
      return textOf(events);
    }),
  );
  await server.close();
  expect(texts).toEqual(expected);
  expect(order.indexOf(2)).toBeLessThan(order.lastIndexOf(0));
});
