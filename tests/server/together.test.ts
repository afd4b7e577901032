import { describe, expect, it } from 'vitest';
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

describe('choices of a request', () => {
  const serve = (sequences: number) =>
    createServer({
      models: [{ name: 'tales', source: TALES, template: TEMPLATE, options: { contextSize: 128, sequences } }],
      memory: '16MB',
    });
  const content = 'Once upon a time there was a little dog. He lived in a big red house with his friend, a cat named';
  const asked = { messages: [{ role: 'user', content }], max_tokens: 40, temperature: 1.2, seed: 5, n: 3 };

  interface Answer {
    choices: { message: { content: string }; timings: { cache_n: number } }[];
    usage: { prompt_tokens: number; completion_tokens: number };
  }

  it('go on side by side from one prompt, and are those of one after the other', async () => {
    const answers: Answer[] = [];
    for (const sequences of [1, 2, 4]) {
      const server = serve(sequences);
      answers.push((await (await server.fetch(request('/v1/chat/completions', asked))).json()) as Answer);
      const { choices, usage } = answers[answers.length - 1];
      // A copy of the prompt's state, but for its last token: that one has to run to give logits.
      for (const { timings } of choices.slice(1)) expect(timings.cache_n).toBe(usage.prompt_tokens - 1);
      if (sequences > 1) {
        const events = await (await server.fetch(request('/v1/chat/completions', { ...asked, stream: true }))).text();
        const order = [...events.matchAll(/"choices":\[\{"index":(\d)/g)].map(([, index]) => Number(index));
        expect(order.indexOf(1)).toBeLessThan(order.lastIndexOf(0));
        expect(events.match(/\[DONE\]/g)).toHaveLength(1);
      }
      await server.close();
    }
    const texts = answers.map(({ choices }) => choices.map(({ message }) => message.content));
    expect(new Set(texts[0]).size).toBe(3);
    expect(texts).toEqual([texts[0], texts[0], texts[0]]);
    for (const { usage } of answers) expect(usage).toMatchObject({ completion_tokens: 120 });
  });

  it('leave no place taken where the client leaves', async () => {
    const server = serve(3);
    const { body } = await server.fetch(request('/v1/chat/completions', { ...asked, max_tokens: 90, stream: true }));
    const reader = body!.getReader();
    for (let events = ''; !events.includes('"index":1'); )
      events += Buffer.from((await reader.read()).value!).toString();
    await reader.cancel();
    for (;;) {
      const text = await (await server.fetch(request('/metrics'))).text();
      if (/^flashrow_requests_processing\{.*\} 0$/m.test(text)) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await server.fetch(request('/v1/chat/completions', { ...asked, max_tokens: 2 }))).status).toBe(200);
    await server.close();
  });
});
