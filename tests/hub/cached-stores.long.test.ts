import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { loadModel, type Progress, planModel } from '../../dist/src/index.js';
import { prepare } from '../../dist/src/worker/file-work.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-cached-'));
const source = join(scratch, 'tiny.gguf');
const sound = join(scratch, 'sound');
const cacheDir = join(scratch, 'cache');
const never = new AbortController().signal;
let store = '';
let expected: number[];

async function write(onProgress?: (progress: Progress) => void): Promise<number[]> {
  const model = await loadModel(source, { cacheDir, contextSize: 64, threads: 1, onProgress });
  try {
    return (await model.generate([1, 300, 17], { maxTokens: 6 }).result).tokens;
  } finally {
    await model.dispose();
  }
}

beforeAll(async () => {
  // Its neurons are read one by one, so it is not read in place.
  writeRandomGguf(source, SHAPES['tiny-relu'], 'q8_0');
  const { store: made } = await prepare({ source, options: { cacheDir: sound } }, never, () => {});
  store = join(cacheDir, basename(made));
  cpSync(sound, cacheDir, { recursive: true });
  expected = await write();
});
beforeEach(() => rmSync(cacheDir, { recursive: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const fill = () => cpSync(sound, cacheDir, { recursive: true });

describe('a checkpoint that has to be converted', () => {
  it('is converted once for all who load it at the same time', async () => {
    const texts = await Promise.all([write(), write(), write()]);
    expect(texts).toEqual([expected, expected, expected]);
    expect(readdirSync(cacheDir)).toEqual([basename(store)]);
  });

  it('is the store that somebody else has finished since it was looked for', async () => {
    let looked = false;
    const options = {
      cacheDir,
      // Read for the plan, between the look and the lock.
      get memory() {
        if (!looked) fill();
        looked = true;
        return undefined;
      },
    };
    const prepared = await prepare({ source, options }, never, () => expect.fail('converted'));
    expect(prepared.store).toBe(store);
    expect(looked).toBe(true);
  });
});

describe('a damaged store in the cache folder', () => {
  it.each([
    ['rows.bin', () => truncateSync(join(store, 'rows.bin'), 1000)],
    ['manifest.msgpack', () => rmSync(join(store, 'manifest.msgpack'))],
  ])('is made anew where its checkpoint is at hand, and told (%s)', async (file, damage) => {
    fill();
    damage();
    const stages: Progress[] = [];
    expect((await planModel(source, { cacheDir })).conversion.needed).toBe(true);
    expect(await write((progress) => stages.push(progress))).toEqual(expected);
    expect(stages.filter(({ stage }) => stage === 'convert').map(({ damagedFile }) => damagedFile)).toContain(file);
    for (const name of readdirSync(join(sound, basename(store))))
      expect(readFileSync(join(store, name)).equals(readFileSync(join(sound, basename(store), name))), name).toBe(true);
  });

  const run = (...more: string[]) => [
    'run',
    source,
    '--tokens',
    '[1,300,17]',
    '--max-tokens',
    '6',
    '--cache-dir',
    cacheDir,
    ...more,
  ];

  it('is told to a user of the command line before it is made anew', async () => {
    fill();
    truncateSync(join(store, 'rows.bin'), 1000);
    const { exitCode, stderr } = await flashrow(run());
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('is damaged (rows.bin), so the checkpoint is converted anew');
  });

  it('with a flipped bit, which only a checksum finds, comes with advice that works', async () => {
    fill();
    const rows = readFileSync(join(store, 'rows.bin'));
    rows[5000] ^= 4;
    writeFileSync(join(store, 'rows.bin'), rows);
    const failed = await flashrowJson(run());
    expect(failed.json.error).toMatchObject({ code: 'CORRUPT' });
    const advice = /`flashrow (rm [^`]+)`/.exec(failed.json.error.message)![1];
    expect((await flashrow(advice.split(' '))).exitCode).toBe(0);
    const { json } = await flashrowJson<{ tokens: number[] }>(run());
    expect(json.tokens).toEqual(expected);
  });
});

describe('a damaged store that reads its checkpoint in place', () => {
  const plain = join(scratch, 'plain.gguf');
  const options = { cacheDir, contextSize: 64, threads: 1 };

  async function writePlain(stages: Progress[] = []): Promise<number[]> {
    const model = await loadModel(plain, { ...options, onProgress: (progress) => stages.push(progress) });
    try {
      return (await model.generate([1, 300, 17], { maxTokens: 6 }).result).tokens;
    } finally {
      await model.dispose();
    }
  }

  beforeAll(() => writeRandomGguf(plain, SHAPES.tiny, 'q8_0'));

  it.each<[string, (path: string) => void]>([
    ['resident.bin', (path) => truncateSync(path, 1000)],
    ['resident.bin', rmSync],
    ['manifest.msgpack', rmSync],
    ['manifest.msgpack', (path) => truncateSync(path, 1000)],
  ])('is made anew at once, and nobody waits for a conversion (%s, %#)', async (file, damage) => {
    const tokens = await writePlain();
    const name = readdirSync(cacheDir).find((each) => each.startsWith('plain-'))!;
    const made = join(cacheDir, name);
    const before = new Map(readdirSync(made).map((each) => [each, readFileSync(join(made, each))]));
    expect([...before.keys()]).not.toContain('rows.bin');
    damage(join(made, file));
    expect((await planModel(plain, { cacheDir })).conversion).toEqual({ needed: false, bytes: 0 });
    const stages: Progress[] = [];
    expect(await writePlain(stages)).toEqual(tokens);
    expect(stages.filter(({ stage }) => stage === 'convert')).toEqual([]);
    // Beside what the first run measured.
    expect(readdirSync(cacheDir).filter((each) => each !== 'speeds.json')).toEqual([name]);
    for (const [each, bytes] of before) expect(readFileSync(join(made, each)).equals(bytes), each).toBe(true);
  });
});
