import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LoadOptions, loadModel } from '../../dist/src/index.js';
import { TALES, withTales } from '../support/shipped.js';

let sessionsDir: string;
beforeEach(() => {
  sessionsDir = mkdtempSync(join(tmpdir(), 'flashrow-sessions-'));
});
afterEach(() => rmSync(sessionsDir, { recursive: true, force: true }));

const GREEDY = { temperature: 0, ignoreEos: true, maxTokens: 20 } as const;
const ids = (first: number) => Array.from({ length: 50 }, (_, i) => 300 + ((first + i * 7) % 900));
const load = (options: LoadOptions = {}) => ({ contextSize: 256, sessionsDir, ...options });
const files = () => readdirSync(sessionsDir).map((name) => join(sessionsDir, name));

it('conversations that leave memory come back, with the same answers, also in the next load', async () => {
  const turns = async (options: LoadOptions) =>
    withTales(options, async (model) => {
      const prompts = [ids(1), ids(2), ids(3)];
      const seen: { cached: number; tokens: number[] }[] = [];
      for (let turn = 0; turn < 2; turn++)
        for (const prompt of prompts) {
          const { tokens, usage } = await model.generate(prompt, GREEDY).result;
          prompt.push(...tokens, 77, 78);
          seen.push({ cached: usage.cached, tokens });
        }
      return { prompts, seen };
    });
  const forgotten = await turns({ contextSize: 256 });
  const { prompts, seen } = await turns(load());
  expect(seen.map(({ tokens }) => tokens)).toEqual(forgotten.seen.map(({ tokens }) => tokens));
  expect(forgotten.seen.map(({ cached }) => cached)).toEqual([0, 0, 0, 0, 0, 0]);
  // All but the last token of an answer, which did not run.
  expect(seen.map(({ cached }) => cached)).toEqual([0, 0, 0, 69, 69, 69]);
  expect(files()).toHaveLength(3);
  for (const file of files()) expect(statSync(file).mode & 0o777).toBe(0o600);
  await withTales(load({ sequences: 3, sessionsDir: pathToFileURL(sessionsDir) }), async (model) => {
    const again = await Promise.all(prompts.map((prompt) => model.generate(prompt, GREEDY).result));
    expect(again.map(({ usage }) => usage.cached)).toEqual(prompts.map(({ length }) => length - 3));
    const fresh = await loadModel(TALES, { contextSize: 256 });
    for (const [i, prompt] of prompts.entries())
      expect(again[i].tokens).toEqual((await fresh.generate(prompt, GREEDY).result).tokens);
    await fresh.dispose();
  });
});

it('a damaged file is a warning, and the prompt runs', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void (warning.name === 'FlashrowWarning' && warnings.push(warning));
  process.on('warning', note);
  const prompt = ids(1);
  const expected = await withTales(load(), async (model) => (await model.generate(prompt, GREEDY).result).tokens);
  const [file] = files();
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 4;
  writeFileSync(file, bytes);
  await withTales(load(), async (model) => {
    const { tokens, usage } = await model.generate([...prompt, 5], GREEDY).result;
    expect([usage.cached, tokens.length]).toEqual([0, 20]);
    expect((await model.generate(prompt, GREEDY).result).tokens).toEqual(expected);
  });
  process.off('warning', note);
  expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('removed')]);
});

it('scores are no conversations', async () => {
  await withTales(load(), async (model) => {
    await model.logprobs(ids(1), 1);
    await model.evaluate([ids(1), ids(2)]);
  });
  expect(files()).toEqual([]);
});

it('a folder or a size that is none is refused', async () => {
  await expect(loadModel(TALES, load({ sessionsSize: 'much' }))).rejects.toMatchObject({ code: 'BAD_USAGE' });
  await expect(loadModel(TALES, load({ sessionsDir: 5 as never }))).rejects.toMatchObject({
    code: 'BAD_USAGE',
    details: { option: 'sessionsDir' },
  });
  const file = join(sessionsDir, 'file');
  writeFileSync(file, '');
  await expect(loadModel(TALES, load({ sessionsDir: file }))).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
});
