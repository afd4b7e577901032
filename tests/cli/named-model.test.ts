import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

const ONE = 'tales-0123456789abcdef';
const OTHER = 'talks-0123456789abcdef';
const CUT_OFF = 'cut-0123456789abcdef';
let cache = '';

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'flashrow-named-'));
  for (const name of [ONE, OTHER]) cpSync(TALES, join(cache, name), { recursive: true });
  mkdirSync(join(cache, `${CUT_OFF}.partial`, 'store'), { recursive: true });
  writeFileSync(join(cache, `${CUT_OFF}.partial`, 'journal'), '');
});

afterAll(() => rmSync(cache, { recursive: true }));

const tokenize = (name: string) =>
  flashrowJson<{ tokens: number[]; error: { code: string; message: string } }>([
    ...['tokenize', name, '--text', 'Once', '--cache-dir', cache],
  ]);

describe.concurrent('a model in the cache folder', () => {
  test.for(['tale', 'TALES-0', ONE])('is known as %s', async (name) => {
    const { exitCode, json, stderr } = await tokenize(name);
    expect([exitCode, json.tokens]).toEqual([0, [0, 977]]);
    expect(stderr).toBe(name === ONE ? '' : `note: ${name} is ${ONE}\n`);
  });

  test('is not guessed where two names begin so', async () => {
    const { exitCode, json } = await tokenize('ta');
    expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
    expect(json.error.message).toContain(`"ta" is the beginning of several names`);
    for (const name of [ONE, OTHER]) expect(json.error.message).toContain(name);
  });

  test('that was pulled is meant, not the store that was made of it', async () => {
    const own = mkdtempSync(join(tmpdir(), 'flashrow-named-'));
    const folder = join(own, 'models', 'org', 'tiny-GGUF');
    mkdirSync(folder, { recursive: true });
    // Its down matrices are turned: those of other models are read in place, without a store.
    writeRandomGguf(join(folder, 'tiny-Q8_0.gguf'), SHAPES['tiny-relu'], 'q8_0');
    const run = ['--cache-dir', own, '--max-tokens', '1', '--tokens', '[1]'];
    const whole = await flashrowJson(['run', 'org/tiny-GGUF:Q8_0', ...run]);
    const short = await flashrowJson<{ tokens: number[] }>(['run', 'tiny', ...run]);
    rmSync(own, { recursive: true });
    expect([whole.exitCode, short.exitCode], short.stderr).toEqual([0, 0]);
    expect(short.stderr).toContain('note: tiny is org/tiny-GGUF:Q8_0');
    // One conversion, of the first run, is what both ran.
    expect(whole.stderr).toContain('converting the checkpoint once');
    expect(short.stderr).not.toContain('converting');
  });

  test('is suggested where its name is misspelled', async () => {
    const { exitCode, json } = await tokenize('tailes-0123456789abcdef');
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_FOUND']);
    expect(json.error.message).toContain(`did you mean ${ONE}?`);
  });

  test('is named as unfinished where its conversion was cut off', async () => {
    const { exitCode, json } = await tokenize(CUT_OFF);
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_FOUND']);
    expect(json.error.message).toContain('is not finished');
  });

  test('is removed by its whole name alone', async () => {
    const { exitCode, json } = await flashrowJson(['rm', 'talk', '--cache-dir', cache]);
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_FOUND']);
    expect(json.error.message).toContain(`did you mean ${OTHER}?`);
  });

  test('of which nothing is like the name is refused as before', async () => {
    const { json } = await tokenize('org/repo');
    expect(json.error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('flashrow pull org/repo') });
  });
});

test('a link to what is not there is named as such', async () => {
  const path = join(cache, 'dangling.gguf');
  symlinkSync('gone.gguf', path);
  const { json } = await tokenize(path);
  expect(json.error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('is a link to gone.gguf') });
});

test('a file in place of the cache folder is told in words', async () => {
  const path = join(cache, 'file');
  writeFileSync(path, '');
  for (const command of [['list'], ['rm', 'm']]) {
    const { json } = await flashrowJson([...command, '--cache-dir', path]);
    const message = `${path} is a file, not a cache folder; --cache-dir names a folder`;
    expect(json.error).toMatchObject({ code: 'NOT_FOUND', message });
  }
});

test('a file that is no model is not suggested', async () => {
  writeFileSync(join(cache, 'likely.txt'), '');
  const { json } = await tokenize(join(cache, 'likely.tx'));
  expect(json.error.code).toBe('NOT_FOUND');
  expect(json.error.message).not.toContain('did you mean');
});

test('a file of a similar name is suggested', async () => {
  const { json } = await tokenize(`${TALES.slice(0, -1)}`);
  expect(json.error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(`did you mean ${TALES}?`) });
});
