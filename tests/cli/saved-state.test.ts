import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerationResult } from '../../src/contract/generation.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-cli-state-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROMPT = 'Once upon a time there was a little girl who liked to play in the garden with her dog.';
const OPTIONS = ['--max-tokens', '12', '--context', '256'];

describe('run --save-state and --load-state', () => {
  it('go on in another process as if it had never ended', async () => {
    const file = join(folder, 'a.state');
    const run = async (prompt: string, ...more: string[]) =>
      (await flashrowJson<GenerationResult>(['run', TALES, prompt, ...OPTIONS, ...more])).json;
    const first = await run(PROMPT, '--save-state', file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const next = `${PROMPT}${first.text} Then`;
    const fresh = await run(next);
    const loaded = await run(next, '--load-state', file);
    expect(loaded.text).toBe(fresh.text);
    expect([fresh.usage.cached, loaded.usage.prompt]).toEqual([0, fresh.usage.prompt]);
    // The prompt at least, and what of the answer is made of the same tokens again.
    expect(loaded.usage.cached).toBeGreaterThanOrEqual(first.usage.prompt);
    // Both at once: the file then holds the longer conversation.
    const before = statSync(file).size;
    await run(next, '--load-state', file, '--save-state', file);
    expect(statSync(file).size).toBeGreaterThan(before);
  });

  it('say what is wrong with a file, and write nothing then', async () => {
    const file = join(folder, 'b.state');
    await flashrowJson(['run', TALES, PROMPT, ...OPTIONS, '--save-state', file]);
    const refused = async (path: string, ...more: string[]) => {
      const { exitCode, json } = await flashrowJson(['run', TALES, PROMPT, ...OPTIONS, '--load-state', path, ...more]);
      return [exitCode, json.error.code, json.error.message];
    };
    expect(await refused(join(folder, 'none'))).toEqual([1, 'NOT_FOUND', expect.stringContaining('none')]);
    expect(await refused(file, '--state', 'q8', '--lossy')).toEqual([
      2,
      'BAD_USAGE',
      expect.stringContaining('set --state to f16'),
    ]);
    expect(await refused(file, '--context', '16')).toEqual([
      1,
      'CONTEXT_OVERFLOW',
      expect.stringContaining('--context'),
    ]);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    expect(await refused(file)).toEqual([1, 'CORRUPT', expect.stringContaining('checksum')]);
    expect(await refused(TALES)).toEqual([1, 'UNSUPPORTED', expect.stringContaining('ordinary file')]);
    const onFolder = await flashrow(['run', TALES, PROMPT, ...OPTIONS, '--save-state', folder]);
    expect(onFolder).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('is a folder') });
    const nowhere = await flashrow(['run', TALES, PROMPT, ...OPTIONS, '--save-state', join(folder, 'no', 'c.state')]);
    expect(nowhere).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('there is no folder') });
    const others = join(folder, 'letter.txt');
    writeFileSync(others, 'Dear');
    const spared = await flashrow(['run', TALES, PROMPT, ...OPTIONS, '--save-state', others]);
    expect(spared).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('choose another name') });
    expect(readFileSync(others, 'utf8')).toBe('Dear');
  });
});
