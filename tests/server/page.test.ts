import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../dist/src/index.js';
import { createServer, type FlashrowServer } from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';
import { request } from './support.js';

const models = [{ name: 'tales', source: TALES, options: { contextSize: 128 } }];
const KEY = { authorization: 'Bearer secret' };
let server: FlashrowServer;
let guarded: FlashrowServer;
beforeAll(() => {
  server = createServer({ models, memory: '9MB', pingMs: 60 });
  guarded = createServer({ models, memory: '9MB', apiKey: 'secret' });
});
afterAll(async () => {
  await server.close();
  await guarded.close();
});

interface Event {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: any event
  data: any;
}

/** The events of `/activity` as they come. */
async function* eventsOf(response: Response): AsyncGenerator<Event> {
  let rest = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (name !== undefined) yield { name, data: JSON.parse(data) };
    }
  }
}

const complete = async (from: FlashrowServer, headers = {}): Promise<Receipt> => {
  const body = { prompt: 'Once upon a time', max_tokens: 24, temperature: 0 };
  const answer = await (await from.fetch(request('/v1/completions', body, headers))).json();
  return (answer as { flashrow: { receipt: Receipt } }).flashrow.receipt;
};

describe('the page', () => {
  it.each([
    ['/', 'text/html'],
    ['/page/page.js', 'text/javascript'],
    ['/page/page.css', 'text/css'],
    ['/page/icon.svg', 'image/svg+xml'],
  ])('has %s, without a key, and lets nothing in that is not its own', async (path, type) => {
    const response = await guarded.fetch(request(path));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(type);
    expect(response.headers.get('content-security-policy')).toMatch("default-src 'none'; script-src 'self'");
    expect(response.headers.get('content-security-policy')).not.toMatch('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('names nothing that is elsewhere, and has no script in its markup', async () => {
    const html = await (await guarded.fetch(request('/'))).text();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\bon\w+=|style=/);
    const script = await (await guarded.fetch(request('/page/page.js'))).text();
    // Namespaces of SVG and MathML, and where errors of the library are explained, are names and not fetched.
    const hosts = [...script.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
    expect(hosts.filter((host) => !['www.w3.org', 'github.com', 'preactjs.com'].includes(host))).toEqual([]);
    expect(script).not.toMatch(/\.innerHTML\s*=[^=]*text/);
  });

  it.each(['/page/', '/page/other.js', '/page/..%2findex.js', '/page/constructor'])('has no %s', async (path) => {
    expect((await server.fetch(request(path))).status).toBe(404);
  });

  it('is behind the guards of names and origins', async () => {
    const other = await server.fetch(request('/', undefined, { host: 'evil.example' }));
    expect(other.status).toBe(403);
    const page = await server.fetch(request('/activity', undefined, { origin: 'https://evil.example' }));
    expect(page.status).toBe(403);
  });

  it('shows what a model does to those who have the key alone', async () => {
    expect((await guarded.fetch(request('/activity'))).status).toBe(401);
    expect((await guarded.fetch(request('/forecast'))).status).toBe(401);
    const open = await guarded.fetch(request('/activity', undefined, KEY));
    expect(open.status).toBe(200);
    await open.body!.cancel();
    expect((await guarded.fetch(request('/activity?model=none', undefined, KEY))).status).toBe(404);
  });
});

describe('/activity', () => {
  it('tells that the model is not loaded, and what it is once it is', async () => {
    const fresh = createServer({ models, memory: '9MB' });
    try {
      const events = eventsOf(await fresh.fetch(request('/activity')));
      expect((await events.next()).value).toMatchObject({ name: 'unloaded' });
      await fresh.load();
      const { name, data } = (await events.next()).value as Event;
      expect([name, data.model, data.budgetBytes, data.hasTemplate]).toEqual(['model', 'tales', 9e6, false]);
      await events.return(undefined);
    } finally {
      await fresh.close();
    }
  });

  it('brings all that the receipts count', async () => {
    const fresh = createServer({ models, memory: '9MB' });
    try {
      await fresh.load();
      const events = eventsOf(await fresh.fetch(request('/activity')));
      const loaded = (await events.next()).value as Event;
      const receipt = await complete(fresh);
      const asked = receipt.bundlesHit + receipt.bundlesMissed;
      for (let seen = 0; seen < asked; ) {
        const { name, data } = (await events.next()).value as Event;
        expect(name).toBe('sample');
        seen += data.bundlesHit + data.bundlesMissed;
        for (const [at, { asked: bitmap, read }] of data.layers.entries()) {
          const bytes = Math.ceil(loaded.data.layers[at].units / 8);
          expect([bitmap, read].map((text) => Buffer.from(text, 'base64').length)).toEqual([bytes, bytes]);
        }
        expect(seen).toBeLessThanOrEqual(asked);
      }
      await events.return(undefined);
    } finally {
      await fresh.close();
    }
  });

  it('ends with the server, and does not keep it', async () => {
    const fresh = createServer({ models, memory: '9MB' });
    await fresh.load();
    const events = eventsOf(await fresh.fetch(request('/activity')));
    await events.next();
    await fresh.close();
    const left: string[] = [];
    for await (const { name } of events) left.push(name);
    expect(left.filter((name) => name !== 'unloaded')).toEqual([]);
  });

  it('ends with the request', async () => {
    const leaving = new AbortController();
    const asked = new Request('http://localhost/activity', { signal: leaving.signal });
    await server.load();
    const reader = (await server.fetch(asked)).body!.getReader();
    await reader.read();
    leaving.abort();
    await reader.cancel();
    // The model works on as before.
    expect((await complete(server)).bundlesMissed).toBeGreaterThan(0);
  });
});

describe('/forecast', () => {
  it('says what a budget would give, and why it does not fit', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: any answer
    const of = async (query: string): Promise<any> =>
      (await server.fetch(request(`/forecast?model=tales${query}`))).json();
    const own = await of('&memory=9000000');
    expect(own).toMatchObject({ fits: true, budgetBytes: 9e6, obstacle: null });
    expect(own.diskBytesPerSecond).toBeGreaterThan(0);
    expect(own.tokensPerSecond).toBeGreaterThan(0);
    const all = await of(`&memory=${own.mostBytes}`);
    expect(own.replay).toBeNull();
    expect(all.cachedShare).toBeGreaterThan(0.9);
    expect(all.bytesPerToken).toBeLessThan(own.bytesPerToken / 4);
    expect(await of('&memory=1000')).toMatchObject({ fits: false, tokensPerSecond: null });
    expect((await server.fetch(request('/forecast?memory=lots'))).status).toBe(400);
  });

  it('replays what was just seen: the same cache reads as much as it did, and one for everything next to nothing', async () => {
    const fresh = createServer({ models, memory: '9MB' });
    try {
      await fresh.load();
      // biome-ignore lint/suspicious/noExplicitAny: any answer
      const of = async (memory: string): Promise<any> => (await fresh.fetch(request(`/forecast?${memory}`))).json();
      const events = eventsOf(await fresh.fetch(request('/activity')));
      await events.next();
      const { payloadBytesRead, speculation } = await complete(fresh);
      for (let seen = 0; seen < 23; ) seen += ((await events.next()).value as Event).data.passes;
      const { replay, mostBytes } = await of('');
      expect(speculation.drafted).toBe(0);
      expect(replay.tokens).toBe(23);
      const perToken = payloadBytesRead.decode / 23;
      expect(replay.bytesPerToken).toBeGreaterThan(0.9 * perToken);
      expect(replay.bytesPerToken).toBeLessThan(1.1 * perToken);
      const all = (await of(`memory=${mostBytes}`)).replay;
      expect(all.hitRate).toBeGreaterThan(replay.hitRate);
      // Who looks no longer is told nothing of it.
      await events.return(undefined);
      await expect.poll(async () => (await of('')).replay).toBeNull();
    } finally {
      await fresh.close();
    }
  });
});
