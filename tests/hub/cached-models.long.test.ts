import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { GenerationResult } from '../../src/contract/generation.js';
import type { RemovedModels } from '../../src/hub/cached-models.js';
import { flashrow, flashrowJson, start } from '../support/flashrow.js';
import { randomGguf, Served, tinyFolder } from './support.js';

const model = randomGguf('q8_0', 'tiny-relu');
const other = randomGguf('q4_0');
const served = new Served({
  'o/two': { 'm-Q8_0.gguf': model, 'm-Q4_0.gguf': other },
  'o/folder': tinyFolder(),
});
const cacheDir = () => ['--cache-dir', served.cache];
const run = (name: string) =>
  flashrowJson<GenerationResult>([
    'run',
    name,
    '--tokens',
    '[1]',
    '--max-tokens',
    '1',
    '--context',
    '64',
    ...cacheDir(),
  ]);
const remove = (name: string) =>
  flashrowJson<RemovedModels & { error?: { code: string; message: string } }>(['rm', name, ...cacheDir()]);
const kindsAndNames = async () => (await served.list()).map(({ kind, name }) => [kind, name]);
const STORE = /^m-Q8_0-[0-9a-f]{16}$/;

/** Starts a pull, and waits until some of the model is there. */
async function halfway(name: string, file: string) {
  // Its header comes whole.
  served.hub.faults = { spared: 1, stall: { after: 100_000, times: 1 } };
  const running = start(['pull', name, ...served.options, '--json', '--stall-timeout', '60']);
  const parts = () =>
    existsSync(served.file('o/two')) ? readdirSync(served.file('o/two')).filter((part) => part.startsWith(file)) : [];
  await vi.waitFor(() => expect(parts().map((part) => statSync(served.file('o/two', part)).size)).toEqual([100_000]), {
    timeout: 120_000,
  });
  return running;
}

describe('list and rm', () => {
  it('show and remove what was pulled and converted, and nothing else', async () => {
    await served.pull('o/two:Q8_0');
    await served.pull('o/two:Q4_0');
    await run('o/two:Q8_0');
    const before = await served.list();
    expect(before.map(({ kind, name, source, readsFrom }) => [kind, name, source, readsFrom])).toEqual([
      ['store', expect.stringMatching(STORE), 'o/two:Q8_0', []],
      ['pulled', 'o/two:Q8_0', null, []],
      ['pulled', 'o/two:Q4_0', null, []],
    ]);
    const table = await flashrow(['list', ...cacheDir()]);
    expect(table.stdout).toMatch(/^name +kind +size +written\n/);
    expect(table.stdout).toMatch(/\nm-Q8_0-\w{16} +store of o\/two:Q8_0 +/);

    const { json } = await remove('o/two:Q8_0');
    const [store, pulled] = before;
    expect(json.removed.map(({ name, bytes, source }) => [name, bytes, source])).toEqual([
      ['o/two:Q8_0', model.length, null],
      [store.name, store.bytes, 'o/two:Q8_0'],
    ]);
    expect(json.bytes).toBe(store.bytes + model.length);
    expect(json.paths).toEqual([pulled.path, store.path]);
    expect(statSync(served.file('o/two/m-Q4_0.gguf')).size).toBe(other.length);
    const removed = await flashrow(['rm', 'o/two', ...cacheDir()]);
    expect(removed.stdout).toMatch(/^o\/two:Q4_0 \(pulled\): [\d.]+ kB\nremoved [\d.]+ kB\n$|MB/);
    expect(await served.list()).toEqual([]);
    expect(readdirSync(served.cache)).toEqual([]);
    for (const name of ['o/two', 'o/two:Q8_0', '../outside', '/etc', '.', '..', 'models'])
      expect((await remove(name)).json.error?.code, name).toBe('NOT_FOUND');
    expect((await flashrow(['list', ...cacheDir()])).stdout).toContain('nothing yet');
  });

  it('show and remove what is read in place: a small store that names the files it needs', async () => {
    await served.pull('o/two:Q4_0');
    await run('o/two:Q4_0');
    const [pulled, store, ...more] = await served.list();
    expect(more).toEqual([]);
    expect(pulled).toMatchObject({ kind: 'pulled', name: 'o/two:Q4_0', bytes: other.length, readsFrom: [] });
    const file = realpathSync(served.file('o/two/m-Q4_0.gguf'));
    expect(store).toMatchObject({ kind: 'store', source: 'o/two:Q4_0', readsFrom: [file] });
    // No matrix is in it.
    expect(store.bytes).toBeLessThan(other.length / 4);
    expect((await flashrow(['list', ...cacheDir()])).stdout).toMatch(
      /\nm-Q4_0-\w{16} +store of o\/two:Q4_0, read in place +/,
    );
    // The store is of no use without the file, and the file is whole without the store.
    expect((await remove(store.name)).json.paths).toEqual([store.path]);
    expect(statSync(file).size).toBe(other.length);
    await run('o/two:Q4_0');
    expect((await remove('o/two:Q4_0')).json.removed.map(({ name }) => name)).toEqual(['o/two:Q4_0', store.name]);
    expect(readdirSync(served.cache)).toEqual([]);
  });

  it('know a folder with its store by one name, and a store whose checkpoint is gone by its own', async () => {
    await served.pull('o/folder');
    const checkpoint = join(served.cache, 'm-Q8_0.gguf');
    writeFileSync(checkpoint, model);
    expect((await run(checkpoint)).exitCode).toBe(0);
    rmSync(checkpoint);
    expect((await served.list()).map(({ kind, name, source }) => [kind, name, source])).toEqual([
      ['store', expect.stringMatching(STORE), 'm-Q8_0.gguf'],
      ['pulled', 'o/folder', null],
    ]);
    expect((await remove('o/folder:Q8_0')).json.error).toMatchObject({ code: 'BAD_USAGE' });
    await remove('o/folder');
    expect(await kindsAndNames()).toEqual([['store', expect.stringMatching(STORE)]]);
  });

  it('give stores names that run and verify take', async () => {
    await served.pull('o/two:Q8_0');
    await run('o/two:Q8_0');
    const { name } = (await served.list()).find(({ kind }) => kind === 'store')!;
    const ran = await run(name);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const verified = await flashrowJson<{ ok: boolean }>(['verify', name, ...cacheDir()]);
    expect(verified.json).toMatchObject({ ok: true });
  });

  it('show and remove a pull that was cut off, which run does not take for a model', async () => {
    const { child, outcome } = await halfway('o/two:Q8_0', 'm-Q8_0');
    child.kill('SIGINT');
    expect((await outcome).exitCode).toBe(130);
    const [unfinished, ...more] = await served.list();
    expect(more).toEqual([]);
    expect(unfinished).toMatchObject({ kind: 'unfinished', name: 'o/two:Q8_0', bytes: 100_000 });
    expect((await flashrowJson(['run', 'o/two:Q8_0', '--prompt', 'a', ...cacheDir()])).json.error).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/is not finished: .* give the command that began it again, and it goes on/),
    });
    expect((await remove('o/two:Q8_0')).json.bytes).toBe(100_000);
    expect(readdirSync(served.cache)).toEqual([]);
  });

  it('show and remove a conversion that was cut off, and one that lost its manifest', async () => {
    for (const name of ['m-0123456789abcdef.partial', 'm-0123456789abcdef']) {
      mkdirSync(join(served.cache, name, 'store'), { recursive: true });
      writeFileSync(join(served.cache, name, 'store', 'rows.bin'), Buffer.alloc(1000));
    }
    // Nothing of ours.
    mkdirSync(join(served.cache, 'photos'));
    expect(await served.list()).toMatchObject([
      { kind: 'unfinished', name: 'm-0123456789abcdef', bytes: 1000, source: null },
      { kind: 'unfinished', name: 'm-0123456789abcdef.partial', bytes: 1000, source: null },
    ]);
    expect((await remove('m-0123456789abcdef.partial')).json.bytes).toBe(1000);
    expect((await remove('m-0123456789abcdef')).json.bytes).toBe(1000);
    expect((await remove('photos')).json.error?.code).toBe('NOT_FOUND');
    expect(readdirSync(served.cache)).toEqual(['photos']);
  });

  it('take all parts of a model for one, finished or not', async () => {
    mkdirSync(served.file('o/parts'), { recursive: true });
    const part = (name: string) => writeFileSync(served.file('o/parts', name), Buffer.alloc(10));
    part('m-Q8_0-00001-of-00002.gguf');
    part('m-Q8_0-00002-of-00002.gguf');
    part('m-Q8_0-00002-of-00002.gguf.0123456789ab.part');
    part('m-Q4_0-00001-of-00002.gguf.0123456789ab.part');
    part('m-Q4_0-00002-of-00002.gguf.0123456789ab.part');
    expect((await served.list()).map(({ kind, name, bytes }) => [kind, name, bytes])).toEqual([
      ['unfinished', 'o/parts:Q4_0', 20],
      ['pulled', 'o/parts:Q8_0', 20],
      ['unfinished', 'o/parts:Q8_0', 10],
    ]);
    expect((await remove('o/parts:Q8_0')).json.bytes).toBe(30);
    expect((await remove('o/parts:Q4_0')).json.bytes).toBe(20);
    expect(readdirSync(served.cache)).toEqual([]);
  });

  it('leave alone what a live conversion works on', async () => {
    const name = 'm-0123456789abcdef.partial';
    mkdirSync(join(served.cache, name));
    writeFileSync(join(served.cache, name, 'lock'), String(process.pid));
    expect((await remove(name)).json.error).toMatchObject({ code: 'BUSY' });
    expect(existsSync(join(served.cache, name, 'lock'))).toBe(true);
  });
});

describe('two at one model', () => {
  it('are told apart: the second pull is BUSY, rm too, and the first one goes on', async () => {
    const { child, outcome } = await halfway('o/two:Q8_0', 'm-Q8_0');
    const busy = { code: 'BUSY', message: `process ${child.pid} is pulling o/two already; wait until it is done` };
    expect(await served.error('o/two:Q8_0')).toMatchObject(busy);
    for (const name of ['o/two:Q8_0', 'o/two']) expect((await remove(name)).json.error).toMatchObject(busy);
    expect((await served.pull('o/two:Q4_0')).exitCode).toBe(0);
    expect(readdirSync(served.file('o/two'))).toHaveLength(2);
    child.kill('SIGKILL');
    await outcome;
    // Whoever held it is gone.
    expect((await served.pull('o/two:Q8_0')).json.fetchedBytes).toBe(model.length - 100_000);
    expect(readdirSync(served.file('o'))).toEqual(['two']);
  });
});
