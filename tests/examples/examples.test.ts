import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TALES } from '../support/shipped.js';

const cwd = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'flashrow-examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the examples', () => {
  it('tell a story, and what it took', async () => {
    const { stdout, stderr } = await run(process.execPath, ['examples/tell-story.mjs'], { cwd });
    expect(stdout).toMatch(/^Once upon a time.{100,}\n$/s);
    expect(stderr).toMatch(/^60 tokens \(length\) at [\d.]+ tokens\/s/);
  });

  it('run models in worker threads', async () => {
    const { stdout } = await run(process.execPath, ['examples/worker-threads.mjs'], { cwd });
    expect(stdout).toMatch(/^The little dog.+One day a girl.+$/s);
  });

  it('run from a bundle, on the same kernels, without the package', async () => {
    await run(process.execPath, ['examples/bundle.mjs', 'examples/tell-story.mjs', folder], { cwd });
    const bundled = await run(process.execPath, ['app.js', TALES], { cwd: folder });
    const plain = await run(process.execPath, ['examples/tell-story.mjs'], { cwd });
    expect(bundled.stdout).toBe(plain.stdout);
    const kernels = (said: string) => /on (\w+) kernels/.exec(said)?.[1];
    expect(kernels(bundled.stderr)).toBe(kernels(plain.stderr));
  });
});

describe('the HTTP server', () => {
  let server: ChildProcess;
  let said = '';
  let url: string;
  const heard = (pattern: RegExp) => vi.waitFor(() => expect(said).toMatch(pattern), { timeout: 120_000 });
  const ask = async (query: string): Promise<IncomingMessage> => {
    const [response] = await once(get(`${url}?${query}`), 'response');
    return response;
  };

  beforeAll(async () => {
    server = spawn(process.execPath, ['examples/http-server.mjs'], { cwd, env: { ...process.env, PORT: '0' } });
    server.stderr!.setEncoding('utf8').on('data', (data) => {
      said += data;
    });
    await heard(/listening on port \d+/);
    url = `http://localhost:${/port (\d+)/.exec(said)![1]}/story`;
  });
  afterAll(async () => {
    server.kill('SIGTERM');
    const [code] = await once(server, 'exit');
    expect(code).toBe(0);
  });

  it('streams a story', async () => {
    const story = await text(await ask('prompt=Once%20upon%20a%20time&tokens=30'));
    expect(story).toMatch(/^, there was .{40,}$/s);
    await heard(/answered with 30 tokens/);
  });

  it('stops generating when the reader hangs up, and answers the next one', async () => {
    const response = await ask('prompt=Once&tokens=500');
    await once(response, 'data');
    response.destroy();
    await heard(/the reader left/);
    expect(await text(await ask('prompt=A%20dog&tokens=5'))).not.toBe('');
  });

  it('says what is wrong with a request', async () => {
    const response = await ask('tokens=-1');
    expect(response.statusCode).toBe(400);
    expect(await text(response)).toContain('maxTokens is a whole number from 0, or Infinity, not -1');
    const long = await ask(`prompt=${'a%20dog%20'.repeat(600)}`);
    expect(long.statusCode).toBe(400);
    expect(await text(long)).toContain('do not fit the context of 512');
  });
});
