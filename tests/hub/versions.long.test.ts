import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { planPull, pull } from '../../src/hub/pull.js';
import { start } from '../support/flashrow.js';
import { randomGguf, revised, Served, tinyFolder } from './support.js';

const model = randomGguf('q8_0');
const folder = tinyFolder();
const { 'model.safetensors': weights, ...rest } = folder;
const tensors = Object.keys(JSON.parse(weights.subarray(8, 8 + Number(weights.readBigUInt64LE())).toString()));
const index = Buffer.from(
  JSON.stringify({ weight_map: Object.fromEntries(tensors.map((name) => [name, 'all.safetensors'])) }),
);
const served = new Served({
  'o/gguf': { 'm-Q8_0.gguf': model },
  'o/gguf@v2': { 'm-Q8_0.gguf': revised(model) },
  'o/folder': { ...folder, 'consolidated.safetensors': Buffer.from('other names') },
  'o/folder@v2': { ...folder, 'model.safetensors': revised(weights) },
  'o/folder@sharded': {
    ...rest,
    'all.safetensors': weights,
    'consolidated.safetensors': Buffer.from('other names'),
    'model.safetensors.index.json': index,
  },
  'o/untold': { 'config.json': folder['config.json'], 'model.safetensors': weights },
});
const fetches = (name: string) => served.hub.log.filter((line) => line.includes(`/${name} bytes=`));

describe('a file in its place', () => {
  it('is fetched again where another revision differs in one byte of it', async () => {
    await served.pull('o/gguf');
    const { json, stderr } = await served.pull('o/gguf', '--revision', 'v2');
    expect(stderr).not.toContain('still to fetch');
    expect(json.fetchedBytes).toBe(model.length);
    expect(readFileSync(json.path).equals(revised(model))).toBe(true);
    expect(readdirSync(served.file('o/gguf'))).toEqual(['m-Q8_0.gguf']);
    expect((await served.pull('o/gguf', '--revision', 'v2')).json.fetchedBytes).toBe(0);
  });

  it('is fetched again where it was damaged', async () => {
    const { path } = (await served.pull('o/gguf')).json;
    writeFileSync(path, revised(model));
    expect((await served.pull('o/gguf')).json.fetchedBytes).toBe(model.length);
    expect(readFileSync(path).equals(model)).toBe(true);
  });

  it('is not fetched again where another pull was quicker', async () => {
    const hub = { endpoint: served.endpoint, token: null, revision: 'main', stallMs: 500, onWait: () => {} };
    const plans = [1, 2].map(() => planPull('o/gguf', { cacheDir: served.cache }, hub, { onProgress: () => {} }));
    const pulled = [];
    for (const planned of await Promise.all(plans))
      pulled.push(await pull(planned, served.cache, hub, { onProgress: () => {} }));
    expect(pulled.map(({ fetchedBytes }) => fetchedBytes)).toEqual([model.length, 0]);
  });

  it('is kept where another revision has the same', async () => {
    await served.pull('o/folder');
    const { json } = await served.pull('o/folder', '--revision', 'v2');
    expect(json.fetchedBytes).toBe(weights.length);
    expect(readFileSync(join(json.path, 'model.safetensors')).equals(revised(weights))).toBe(true);
    expect(readdirSync(json.path).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  });

  it('stays until all of another revision is there', async () => {
    const { path } = (await served.pull('o/folder')).json;
    const before = fetches('model.safetensors').length;
    // What the plan takes is answered; then, of the weights, 1,000 bytes come.
    served.hub.faults = { stall: { after: 1000, times: 1 }, spared: 4 };
    const { child, outcome } = start([
      'pull',
      'o/folder',
      ...served.options,
      '--revision',
      'v2',
      '--stall-timeout',
      '60',
    ]);
    await vi.waitFor(() => expect(readdirSync(path).some((name) => name.endsWith('.part'))).toBe(true), {
      timeout: 120_000,
    });
    child.kill('SIGKILL');
    await outcome;
    expect(fetches('model.safetensors').length).toBeGreaterThan(before);
    for (const [name, bytes] of Object.entries(folder)) expect(readFileSync(join(path, name)).equals(bytes)).toBe(true);
    expect((await served.list()).map(({ kind, name }) => [kind, name])).toEqual([
      ['pulled', 'o/folder'],
      ['unfinished', 'o/folder'],
    ]);
    await served.pull('o/folder');
    expect(readdirSync(path).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  });

  it('is gone where another revision has its weights in others', async () => {
    await served.pull('o/folder');
    const { json, stderr } = await served.pull('o/folder', '--revision', 'sharded');
    expect(readdirSync(json.path).sort(), stderr).toEqual([
      'all.safetensors',
      'config.json',
      'model.safetensors.index.json',
      'tokenizer.json',
    ]);
    await served.pull('o/folder');
    expect(readdirSync(json.path).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  });
});

describe('weights', () => {
  it('are those that the loader reads, and no others beside them', async () => {
    await served.pull('o/folder');
    await served.pull('o/folder', '--revision', 'sharded');
    expect(fetches('model.safetensors').length).toBeGreaterThan(0);
    expect(fetches('all.safetensors').length).toBeGreaterThan(0);
    expect(fetches('consolidated.safetensors')).toEqual([]);
  });

  it('without a tokenizer are refused in words that name the repository', async () => {
    const { code, message } = await served.error('o/untold');
    expect(code).toMatch(/NOT_FOUND|UNSUPPORTED/);
    expect(message).toMatch(/^o\/untold\/tokenizer\.json/);
    expect(existsSync(served.file())).toBe(false);
  });
});
