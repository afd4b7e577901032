import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { proxyFor, toldProxy } from '../../dist/src/hub/proxy.js';
import { type ErrorJson, flashrowJson } from '../support/flashrow.js';
import { Served, tinyFolder } from './support.js';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];
const clean = () => {
  for (const name of NAMES) for (const each of [name, name.toUpperCase()]) delete process.env[each];
};
beforeEach(clean);

/** The rows are what curl(1) does with these variables, but for the last two, which it sends directly. */
describe('the proxy that the environment names', () => {
  it.each<[string, Record<string, string>, string, string | null]>([
    ['none', {}, 'https://hub.test', null],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'http://p:1' }, 'https://hub.test/x', 'http://p:1'],
    ['in small letters', { https_proxy: 'http://p:1' }, 'https://hub.test', 'http://p:1'],
    ['of the other scheme', { HTTPS_PROXY: 'http://p:1' }, 'http://hub.test', null],
    ['HTTP_PROXY', { HTTP_PROXY: 'http://p:1' }, 'http://hub.test', 'http://p:1'],
    ['ALL_PROXY', { ALL_PROXY: 'http://p:1' }, 'https://hub.test', 'http://p:1'],
    ['with a user, who is not told', { HTTPS_PROXY: 'http://u:secret@p:1' }, 'https://hub.test', 'http://p:1'],
    ['without a scheme', { HTTPS_PROXY: 'p:1' }, 'https://hub.test', 'http://p:1'],
    ['NO_PROXY', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'a.test,hub.test' }, 'https://hub.test', null],
    ['NO_PROXY with a domain', { HTTPS_PROXY: 'http://p:1', no_proxy: '.test' }, 'https://hub.test', null],
    ['NO_PROXY with all', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, 'https://hub.test', null],
    ['NO_PROXY with another', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'b.test' }, 'https://hub.test', 'http://p:1'],
    ['HTTP_PROXY alone, for https', { HTTP_PROXY: 'http://p:1' }, 'https://hub.test', 'http://p:1'],
    ['HTTP_PROXY alone, and NO_PROXY', { HTTP_PROXY: 'http://p:1', NO_PROXY: 'hub.test' }, 'https://hub.test', null],
  ])('%s', (_, env, url, expected) => {
    Object.assign(process.env, env);
    const proxy = proxyFor(url);
    expect(proxy && toldProxy(proxy)).toBe(expected);
  });

  it('is refused where it is none by http', () => {
    process.env.ALL_PROXY = 'socks5://p:1';
    expect(() => proxyFor('https://hub.test')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    process.env.ALL_PROXY = 'http://u:secret@:x';
    expect(() => proxyFor('https://hub.test')).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(() => proxyFor('https://hub.test')).not.toThrow('secret');
  });
});

describe('a pull by a proxy', () => {
  const served = new Served({ 'o/m': tinyFolder() });
  /** What it was asked for, and by whom. */
  const seen: { url: string; user: string | undefined }[] = [];
  let proxy: Server;
  let address: string;

  beforeAll(async () => {
    proxy = createServer((incoming, answer) => {
      seen.push({ url: incoming.url!, user: incoming.headers['proxy-authorization'] });
      const { method, headers } = incoming;
      incoming.pipe(
        request(incoming.url!, { method, headers }, (response) => {
          answer.writeHead(response.statusCode!, response.headers);
          response.pipe(answer);
        }),
      );
    });
    proxy.on('connect', (incoming, socket) => {
      seen.push({ url: incoming.url!, user: incoming.headers['proxy-authorization'] });
      if (incoming.url === 'hub.invalid:443') return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      const [host, port] = incoming.url!.split(':');
      const to = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      socket.pipe(to).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => proxy.close());
  beforeEach(() => {
    seen.length = 0;
  });

  it('fetches all of it there, as the user that the address names', async () => {
    process.env.HTTP_PROXY = `http://me:pass%20word@${address}`;
    const { exitCode } = await served.pull('o/m');
    expect(exitCode).toBe(0);
    expect(seen.length).toBe(served.hub.log.length);
    const user = `Basic ${Buffer.from('me:pass word').toString('base64')}`;
    expect(new Set(seen.map((each) => each.user))).toEqual(new Set([user]));
  });

  it('goes past it where NO_PROXY says so', async () => {
    process.env.HTTP_PROXY = `http://${address}`;
    process.env.NO_PROXY = '127.0.0.1';
    const { exitCode } = await served.pull('o/m');
    expect(exitCode).toBe(0);
    expect(seen).toEqual([]);
  });

  it('names it where it does not answer', async () => {
    process.env.HTTPS_PROXY = 'http://me:secret@127.0.0.1:1';
    const args = ['pull', 'o/m', '--endpoint', 'https://hub.invalid', '--cache-dir', served.cache];
    const { json } = await flashrowJson<ErrorJson>(args);
    expect(json.error.code).toBe('IO');
    expect(json.error.message).toContain('by the proxy http://127.0.0.1:1,');
    expect(json.error.message).not.toContain('secret');
  });
});
