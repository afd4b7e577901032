import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { flashrowJson, type Running, start } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

/** Resolves with the address once it listens. */
async function listening({ child }: Running): Promise<string> {
  let text = '';
  while (!text.includes('\n')) text += (await once(child.stdout!, 'data'))[0];
  return JSON.parse(text.split('\n')[0]).url;
}

const serve = (...more: string[]) =>
  start(['serve', `tales=${TALES}`, '--json', '--port', '0', '--memory', '12MB', '--context', '256', ...more]);

describe('serve', () => {
  it('answers, and ends on SIGTERM once what is under way is answered', async () => {
    const running = serve('--api-key', 'secret');
    const url = await listening(running);
    const headers = { authorization: 'Bearer secret' };
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const body = JSON.stringify({ model: 'tales', prompt: 'Once upon a time', stream: true });
    const stream = await fetch(`${url}/v1/completions`, { method: 'POST', body, headers });
    running.child.kill('SIGTERM');
    expect(await stream.text()).toMatch(/\[DONE\]\n\n$/);
    const { exitCode, stderr } = await running.outcome;
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('ending')]);
  });

  it('names its flags where a request cannot be had as it was started', async () => {
    const running = serve('--max-body', '2kB');
    const url = await listening(running);
    const refusal = async (body: object, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body), headers });
      return [answer.status, ((await answer.json()) as { error: { message: string } }).error.message];
    };
    const messages = [{ role: 'user', content: 'Once' }];
    const large = { messages, pad: 'x'.repeat(3000) };
    expect(await refusal(large)).toEqual([413, expect.stringMatching(/2000 bytes that .*; --max-body says how many/)]);
    const origin = { origin: 'https://app.example' };
    expect(await refusal({ messages }, origin)).toEqual([403, expect.stringContaining('add it to its --cors-origins')]);
    expect(await refusal({ messages })).toEqual([400, expect.stringContaining('give one as --chat-template')]);
    running.child.kill('SIGTERM');
    expect((await running.outcome).exitCode).toBe(0);
  });

  it('leaves out a damaged one of all that were pulled, with a word, and refuses one that is named', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'flashrow-serve-'));
    const folder = join(cache, 'models', 'org', 'repo');
    mkdirSync(folder, { recursive: true });
    writeRandomGguf(join(folder, 'good-Q4_0.gguf'), SHAPES.tiny, 'q4_0');
    writeFileSync(join(folder, 'cut-Q8_0.gguf'), readFileSync(join(folder, 'good-Q4_0.gguf')).subarray(0, 999));
    const serveAll = (...names: string[]) =>
      start(['serve', ...names, '--cache-dir', cache, '--json', '--port', '0', '--memory', '40MB']);
    const running = serveAll();
    const url = await listening(running);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data).toMatchObject([{ id: expect.stringContaining('Q4_0') }]);
    running.child.kill('SIGTERM');
    const { exitCode, stderr } = await running.outcome;
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/note: org\/repo:cut-Q8_0 is left out: .*damaged/)]);
    const named = await serveAll('org/repo:good-Q4_0', 'org/repo:cut-Q8_0').outcome;
    expect([named.exitCode, named.stderr + named.stdout]).toEqual([1, expect.stringContaining('cut-Q8_0.gguf')]);
    rmSync(cache, { recursive: true });
  });

  it('finds the conversations of the run before in --sessions-dir', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flashrow-serve-'));
    const prompt = Array.from({ length: 60 }, (_, i) => 300 + ((i * 7) % 900));
    const ask = async (ids: number[]) => {
      const running = serve('--sessions-dir', folder, '--sessions-size', '10MB');
      const url = await listening(running);
      const body = JSON.stringify({ prompt: ids, max_tokens: 4, temperature: 0 });
      const answer = await fetch(`${url}/v1/completions`, { method: 'POST', body });
      const { usage } = (await answer.json()) as { usage: { prompt_tokens_details: { cached_tokens: number } } };
      running.child.kill('SIGTERM');
      expect((await running.outcome).exitCode).toBe(0);
      return usage.prompt_tokens_details.cached_tokens;
    };
    try {
      expect(await ask(prompt)).toBe(0);
      const [file, ...others] = readdirSync(folder);
      expect([others, statSync(join(folder, file)).mode & 0o777]).toEqual([[], 0o600]);
      expect(await ask([...prompt, 5, 6])).toBe(60);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends at once on the second signal', async () => {
    const running = serve();
    const url = await listening(running);
    const body = JSON.stringify({ prompt: 'Once upon a time', stream: true, max_tokens: 200 });
    const stream = await fetch(`${url}/v1/completions`, { method: 'POST', body });
    running.child.kill('SIGTERM');
    running.child.kill('SIGINT');
    await stream.text().catch(() => {});
    expect((await running.outcome).exitCode).toBe(0);
  });

  it('is refused beyond this machine without a key, and at a port that is none', async () => {
    const refused = async (...args: string[]) => {
      const { exitCode, json } = await flashrowJson(['serve', TALES, ...args]);
      return [exitCode, json.error.code, json.error.message];
    };
    expect(await refused('--host', '0.0.0.0')).toEqual([2, 'BAD_USAGE', expect.stringContaining('--api-key')]);
    expect(await refused('--api-key', '')).toEqual([2, 'BAD_USAGE', expect.stringContaining('empty')]);
    expect(await refused('--sessions-size', '1GB')).toEqual([
      2,
      'BAD_USAGE',
      expect.stringContaining('--sessions-dir'),
    ]);
    const size = ['--sessions-dir', join(tmpdir(), 'none'), '--sessions-size', 'much'];
    expect(await refused(...size)).toEqual([2, 'BAD_USAGE', expect.stringContaining('much')]);
    expect(await refused('--context', '1000000')).toEqual([2, 'BAD_USAGE', expect.stringContaining('512 for')]);
    expect(await refused(`tales=${TALES}`)).toEqual([2, 'BAD_USAGE', expect.stringContaining('tales')]);
    const missing = join(tmpdir(), 'none', 'missing.gguf');
    expect(await refused(`lost=${missing}`)).toEqual([1, 'NOT_FOUND', expect.stringContaining(missing)]);
    expect(await refused('--port', '70000')).toEqual([2, 'BAD_USAGE', expect.stringContaining('65535')]);
  });
});
