import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Served, serveTales } from './support.js';

/*
 * Clients that behave badly, round after round, and one that behaves well beside them. What a round leaves behind would
 * add up.
 */

let served: Served;
beforeAll(async () => {
  served = await serveTales({ maxQueue: 1000 });
  await served.server.load();
});
afterAll(() => served.end());

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that the process holds: what this thread has after a collection, and all that is resident. */
async function held(): Promise<{ heap: number; resident: number }> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

const ask = (more: object, signal?: AbortSignal) => {
  const body = JSON.stringify({ prompt: 'Once upon a time', temperature: 0, ...more });
  return fetch(`${served.url}/completions`, { method: 'POST', body, signal });
};

function socketWith(text: string): Socket {
  const { port } = new URL(served.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(text);
  return socket;
}

const post = (body: string, length = Buffer.byteLength(body)) =>
  `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${length}\r\n\r\n${body}`;

/** Resolves once nothing runs and nobody waits. */
async function quiet(): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${served.listening.url}/metrics`)).text();
    if (/requests_processing\{.*\} 0/.test(text) && /requests_deferred\{.*\} 0/.test(text)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Asks for long answers, and reads none of them. */
const slowReaders = (): Socket[] =>
  Array.from({ length: 10 }, () =>
    socketWith(post(JSON.stringify({ prompt: 'Once', max_tokens: 200, stream: true, temperature: 0 }))),
  );

const halfOpen = (): Socket[] => Array.from({ length: 200 }, () => socketWith(post('{"prompt', 5000)));

/** Bodies of 10 MB: one of them is a prompt beyond the context, one is too large, one is no JSON. */
async function largeBodies(): Promise<void> {
  const letters = 'x'.repeat(9_900_000);
  for (const [body, status] of [
    [`{"prompt":"${letters}"}`, 400],
    [`{"prompt":"${letters}${letters}"}`, 413],
    [`{"prompt":"${letters}`, 400],
  ] as const) {
    const response = await fetch(`${served.url}/completions`, { method: 'POST', body });
    expect(response.status).toBe(status);
    await response.text();
  }
}

async function malformed(seed: number): Promise<void> {
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json().map((text) => text.slice(1)),
    ),
    {
      ...{ numRuns: 100, seed },
    },
  );
  for (const body of texts) {
    const response = await fetch(`${served.url}/chat/completions`, { method: 'POST', body });
    expect(response.status, body).toBe(400);
    await response.text();
  }
}

/** Clients that leave: before their turn, at the headers, and in the midst of the answer. */
async function leavers(): Promise<void> {
  await Promise.all(
    Array.from({ length: 24 }, async (_, index) => {
      const leaving = new AbortController();
      const asked = ask({ stream: true, max_tokens: 100 }, leaving.signal);
      if (index % 3 === 0) setTimeout(() => leaving.abort(), 1);
      const response = await asked.catch(() => null);
      if (index % 3 === 1) leaving.abort();
      let chunks = 0;
      try {
        for await (const _ of response?.body ?? []) if (++chunks === 3) break;
      } catch {
        expect(leaving.signal.aborted).toBe(true);
      }
    }),
  );
}

async function round(seed: number, expected: string): Promise<void> {
  const sockets = [...slowReaders(), ...halfOpen()];
  const good = async () => {
    const response = await ask({ max_tokens: 12 });
    return ((await response.json()) as { choices: { text: string }[] }).choices[0].text;
  };
  const answers = await Promise.all([good(), largeBodies(), malformed(seed), leavers(), good()]);
  expect([answers[0], answers[4]]).toEqual([expected, expected]);
  await Promise.all(
    sockets.map((socket) => {
      socket.destroy();
      return socket.closed ? null : once(socket, 'close');
    }),
  );
  await quiet();
}

it('what clients leave behind does not add up, and others are served', async () => {
  const response = await ask({ max_tokens: 12 });
  const expected = ((await response.json()) as { choices: { text: string }[] }).choices[0].text;
  for (let seed = 0; seed < 2; seed++) await round(seed, expected);
  const heap: number[] = [];
  const resident: number[] = [];
  for (let seed = 0; seed < 10; seed++) {
    await round(10 + seed, expected);
    const now = await held();
    heap.push(now.heap);
    resident.push(now.resident);
  }
  // One body of 10 MB, or 5 KB for each of the clients, would be more.
  expect((heap[9] - heap[0]) / 1e6).toBeLessThan(5);
  // What is resident goes up and down by 50 MB, as pages are taken and given back. A body that stays goes up alone.
  const risen = Math.min(...resident.slice(-3)) - Math.max(...resident.slice(0, 3));
  expect(risen / 1e6).toBeLessThan(20);
});
