import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, serveTales } from './support.js';

let served: Served;
beforeAll(async () => {
  served = await serveTales({ pingMs: 5, maxQueue: 2 });
  await served.server.load();
});
afterAll(() => served.end());

const body = (more: object) => JSON.stringify({ prompt: 'Once upon a time', temperature: 0, ...more });
const ask = (more: object) => fetch(`${served.url}/completions`, { method: 'POST', body: body(more) });

/** Resolves once the server has this many that run and wait. */
async function until(running: number, waiting: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${served.listening.url}/metrics`)).text();
    const count = (name: string) => Number(new RegExp(`^flashrow_${name}\\{.*\\} (\\d+)`, 'm').exec(text)?.[1]);
    if (count('requests_processing') === running && count('requests_deferred') === waiting) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a stream', () => {
  it('has headers at once, and signs of life while it waits for its turn', async () => {
    const first = await ask({ stream: true });
    const second = await ask({ stream: true, max_tokens: 2 });
    expect(second.headers.get('content-type')).toMatch('text/event-stream');
    expect(second.headers.get('x-accel-buffering')).toBe('no');
    const reader = second.body!.getReader();
    const { value } = await reader.read();
    expect(Buffer.from(value!).toString()).toMatch(/^:\n\n/);
    await first.text();
    let rest = '';
    for (let step = await reader.read(); !step.done; step = await reader.read()) rest += Buffer.from(step.value);
    expect(rest).toContain('[DONE]');
    await until(0, 0);
  });

  it('whose client leaves frees its place, also in the queue', async () => {
    // All at once: an answer that ended meanwhile would make room for one more.
    const controllers = Array.from({ length: 12 }, () => new AbortController());
    const streams = await Promise.all(
      controllers.map(({ signal }) =>
        fetch(`${served.url}/completions`, { method: 'POST', body: body({ stream: true }), signal }),
      ),
    );
    const refused = streams.filter(({ status }) => status !== 200);
    expect(streams.length - refused.length).toBeGreaterThanOrEqual(3);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, headers } of refused) expect([status, headers.get('retry-after')]).toEqual([429, '2']);
    for (const controller of controllers) controller.abort();
    await until(0, 0);
    expect((await ask({ max_tokens: 1 })).status).toBe(200);
  });

  it('that nobody reads does not keep others waiting', async () => {
    const { port } = new URL(served.url);
    const text = body({ stream: true });
    const socket = connect(Number(port), '127.0.0.1');
    socket.pause();
    socket.write(`POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    expect((await ask({ max_tokens: 3 })).status).toBe(200);
    socket.destroy();
    await until(0, 0);
  });
});

it('half-open connections and broken bodies are answered or dropped, and others served', async () => {
  const { port } = new URL(served.url);
  const sockets = Array.from({ length: 200 }, () => connect(Number(port), '127.0.0.1'));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.write('POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 50\r\n\r\n{"prompt');
  }
  expect((await ask({ max_tokens: 1 })).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  const broken = ['{', '[]', 'null', '"x"', '{"prompt":{}}', '{"prompt":[[]]}', '{"prompt":[1e99]}', '\u0000'];
  for (const text of broken) {
    const response = await fetch(`${served.url}/completions`, { method: 'POST', body: text });
    expect([response.status, text]).toEqual([400, text]);
    expect(((await response.json()) as { error: { message: string } }).error.message.length).toBeGreaterThan(5);
  }
  const large = await new Promise<number>((resolve) => {
    const sending = httpRequest(`${served.url}/completions`, { method: 'POST' }, ({ statusCode }) =>
      resolve(statusCode!),
    );
    sending.on('error', () => resolve(413));
    sending.end(`{"prompt":"${'x'.repeat(10_000_001)}"}`);
  });
  expect(large).toBe(413);
});
