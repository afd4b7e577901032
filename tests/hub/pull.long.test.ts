import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import type { GenerationResult } from '../../src/contract/generation.js';
import type { PullResult } from '../../src/hub/pull.js';
import { flashrowJson, start } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';
import { writeTinyModel } from '../support/tiny-hugging-face.js';
import { Hub } from './fixture.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-hub-'));
let hub: Hub;
let model: Buffer;
let endpoint: string;
let cache: string;

beforeAll(async () => {
  const path = join(scratch, 'model.gguf');
  writeRandomGguf(path, SHAPES.tiny, 'q8_0');
  model = readFileSync(path);
  const other = join(scratch, 'other.gguf');
  writeRandomGguf(other, SHAPES.tiny, 'q4_0');
  const folder = mkdtempSync(join(scratch, 'hf-'));
  writeTinyModel(folder);
  writeFileSync(join(folder, 'tokenizer.json'), readFileSync(join(TALES, 'tokenizer.json')));
  hub = new Hub({
    'tiny/llama-GGUF': {
      'README.md': Buffer.from('# tiny'),
      'llama-Q8_0.gguf': model,
      'llama-Q4_0.gguf': readFileSync(other),
    },
    'tiny/one-GGUF': { 'sub/one.Q8_0.gguf': model, 'mmproj-f16.gguf': Buffer.from('no') },
    'tiny/folder': Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))])),
    'tiny/nothing': { 'README.md': Buffer.from('') },
    'closed/llama': { 'llama-Q8_0.gguf': model },
    'tiny/odd': { 'a-Q8_0.gguf': Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(100, 9)]) },
  });
  endpoint = await hub.start();
});
afterAll(() => {
  hub.stop();
  rmSync(scratch, { recursive: true });
});

beforeEach(() => {
  hub.faults = {};
  hub.bytesSent = 0;
  hub.log.length = 0;
  cache = mkdtempSync(join(scratch, 'cache-'));
});

const shared = () => ['--endpoint', endpoint, '--cache-dir', cache, '--context', '64', '--stall-timeout', '0.5'];
const pull = <Result = PullResult>(name: string, ...more: string[]) =>
  flashrowJson<Result>(['pull', name, ...shared(), ...more]);
const Q8 = 'tiny/llama-GGUF:Q8_0';

describe('pull', () => {
  it('fetches the file that the tag names, tells the plan before, and run takes its name', async () => {
    const { exitCode, json, stderr } = await pull(Q8);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/llama-Q8_0\.gguf +[\d.]+ MB\n1 file, [\d.]+ MB\nfits in/);
    expect(json).toMatchObject({ name: Q8, bytes: model.length, fetchedBytes: model.length });
    expect(readFileSync(json.path).equals(model)).toBe(true);
    expect(readdirSync(join(cache, 'models/tiny/llama-GGUF'))).toEqual(['llama-Q8_0.gguf']);
    const ran = await flashrowJson<GenerationResult>([
      'run',
      Q8,
      '--tokens',
      '[1,300]',
      '--max-tokens',
      '3',
      '--cache-dir',
      cache,
      '--context',
      '64',
    ]);
    expect(ran.exitCode).toBe(0);
    expect(ran.json.usage.completion).toBeGreaterThan(0);
  });

  it('fetches nothing twice, and nothing at all for --dry-run', async () => {
    const dry = await pull<{ files: { path: string }[]; bytes: number; plan: { fits: boolean } }>(Q8, '--dry-run');
    expect(dry.json).toMatchObject({ files: [{ path: 'llama-Q8_0.gguf' }], bytes: model.length, plan: { fits: true } });
    expect(existsSync(join(cache, 'models'))).toBe(false);
    await pull(Q8);
    const again = await pull(Q8);
    expect(again.json.fetchedBytes).toBe(0);
  });

  it('fetches a Hugging Face folder, each small file compared with its git digest', async () => {
    const { exitCode, json, stderr } = await pull('tiny/folder');
    expect(exitCode, stderr).toBe(0);
    expect(readdirSync(json.path).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  });

  it('takes the only model where there is one, whatever folder it is in', async () => {
    const { json } = await pull('tiny/one-GGUF');
    expect(json.path).toBe(join(cache, 'models/tiny/one-GGUF/sub/one.Q8_0.gguf'));
  });

  it('goes on after cuts and stalls, without fetching what it has', async () => {
    hub.faults = {
      spared: 1,
      cut: { after: Math.floor(model.length / 5), times: 2 },
      stall: { after: 1000, times: 2 },
    };
    const { exitCode, json, stderr } = await pull(Q8);
    expect(exitCode, stderr).toBe(0);
    expect(readFileSync(json.path).equals(model)).toBe(true);
    const resumed = hub.log.filter((line) => /bytes=[1-9]\d*-/.test(line));
    expect(resumed.length).toBeGreaterThan(0);
    expect(json.fetchedBytes).toBe(model.length);
  });

  it('fetches a header again where its connection breaks or stalls', async () => {
    hub.faults = { cut: { after: 5000, times: 1 }, stall: { after: 1000, times: 1 } };
    expect((await pull(Q8, '--dry-run')).exitCode).toBe(0);
    expect(hub.log.filter((line) => line.includes('bytes=0-'))).toHaveLength(3);
  });

  it('resumes after a kill -9', async () => {
    // The header comes whole; then a third of the file, and silence.
    const folder = join(cache, 'models/tiny/llama-GGUF');
    const { child, outcome } = start(['pull', Q8, ...shared(), '--stall-timeout', '60']);
    await vi.waitFor(() => expect(hub.log.filter((line) => line.includes('bytes=0-'))).toHaveLength(1), {
      timeout: 120_000,
      interval: 1,
    });
    hub.faults = { stall: { after: Math.floor(model.length / 3), times: 1 } };
    await vi.waitFor(() => expect(readdirSync(folder)).toHaveLength(1), { timeout: 120_000 });
    await vi.waitFor(() => expect(statSync(join(folder, readdirSync(folder)[0])).size).toBeGreaterThan(0), {
      timeout: 120_000,
    });
    child.kill('SIGKILL');
    await outcome;
    const held = statSync(join(folder, readdirSync(folder)[0])).size;
    const { exitCode, json } = await pull(Q8);
    expect(exitCode).toBe(0);
    expect(readFileSync(json.path).equals(model)).toBe(true);
    expect(json.fetchedBytes).toBe(model.length - held);
    expect(readdirSync(folder)).toEqual(['llama-Q8_0.gguf']);
  });

  it('starts over where a server knows no ranges', async () => {
    hub.faults = { ignoresRanges: true };
    const { exitCode, json } = await pull(Q8);
    expect(exitCode).toBe(0);
    expect(readFileSync(json.path).equals(model)).toBe(true);
  });

  it.each([
    ['a digest that is another', { liesAboutDigests: true }, 'CORRUPT', /came to the digest/],
    ['a size that is too small', { liesAboutSizes: -1000 }, 'CORRUPT', /ends at|longer than|digest|at bytes/],
    ['a server in trouble for good', { status: { code: 503, times: 1000 } }, 'IO', /status 503/],
  ])('leaves nothing behind that looks whole after %s', async (_, faults, code, message) => {
    hub.faults = faults;
    const { exitCode, json } = await pull<{ error: { code: string; message: string } }>(Q8);
    expect(exitCode).toBe(1);
    expect(json.error).toMatchObject({ code, message: expect.stringMatching(message) });
    const folder = join(cache, 'models/tiny/llama-GGUF');
    expect(existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.gguf')) : []).toEqual([]);
  });

  it('says what is wrong with a name, a tag, a token, a model', async () => {
    const failing = async (name: string, ...more: string[]) =>
      (await pull<{ error: { code: string; message: string } }>(name, ...more)).json.error;
    expect(await failing('tiny/llama-GGUF')).toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringMatching(/several models; name one, .*: Q4_0, Q8_0/),
    });
    expect(await failing('tiny/llama-GGUF:Q2_K')).toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringContaining('has no Q2_K'),
    });
    expect(await failing('tiny/folder:Q8_0')).toMatchObject({ code: 'BAD_USAGE' });
    expect(await failing('nobody')).toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringContaining('organization/repository'),
    });
    expect(await failing('../../etc:x')).toMatchObject({ code: 'BAD_USAGE' });
    expect(await failing('tiny/none')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await failing('tiny/nothing')).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('holds no model'),
    });
    expect(await failing('closed/llama')).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('--token'),
    });
    expect(await failing('tiny/odd')).toMatchObject({ code: expect.stringMatching(/CORRUPT|UNSUPPORTED/) });
    expect((await pull('closed/llama', '--token', 'hf_good', '--dry-run')).exitCode).toBe(0);
  });

  it('is what run advises for a name that is no path', async () => {
    const { json } = await flashrowJson(['run', 'tiny/unknown:Q8_0', '--prompt', 'a', '--cache-dir', cache]);
    expect(json.error).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('flashrow pull tiny/unknown:Q8_0'),
    });
  });

  it('ends with 130 on Ctrl-C, and keeps what it has', async () => {
    hub.faults = { stall: { after: 100_000, times: 100 } };
    const running = start([
      'pull',
      'tiny/folder',
      '--endpoint',
      endpoint,
      '--cache-dir',
      cache,
      '--json',
      '--stall-timeout',
      '60',
    ]);
    await vi.waitFor(() => expect(hub.log.length).toBeGreaterThan(1), { timeout: 120_000 });
    running.child.kill('SIGINT');
    const { exitCode, stdout } = await running.outcome;
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([130, 'ABORTED']);
  });
});
