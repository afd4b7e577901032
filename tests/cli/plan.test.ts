import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { contextForRun } from '../../dist/src/cli/commands/run-context.js';
import type { GenerationResult } from '../../src/contract/generation.js';
import type { Plan } from '../../src/plan/plan.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

const cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-plan-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));
const CACHE = ['--cache-dir', cacheDir];

describe('several budgets', () => {
  const args = ['plan', TALES, '--context', '256', ...CACHE];

  test('are planned side by side, each as it is planned alone', async () => {
    const { exitCode, json } = await flashrowJson<{ plans: Plan[] }>([...args, '--memory', '2MB,6MB,16MB']);
    expect(exitCode).toBe(0);
    expect(json.plans.map(({ fits, budgetBytes }) => [fits, budgetBytes])).toEqual([
      [false, 2e6],
      [true, 6e6],
      [true, 16e6],
    ]);
    const [unfit, ...others] = json.plans;
    expect(unfit.forecast).toMatchObject({ tokensPerSecond: null, prefillTokensPerSecond: null, loadSeconds: null });
    for (const { forecast } of others) expect(forecast.firstTokenSeconds).toBeGreaterThan(forecast.loadSeconds!);
    const { json: alone } = await flashrowJson<Plan>([...args, '--memory', '6MB']);
    expect({ ...alone, forecast: null, left: null }).toEqual({ ...json.plans[1], forecast: null, left: null });
  });

  test('say in JSON what would fit in the words of the command line', async () => {
    const { json, stderr } = await flashrowJson<Plan>([...args, '--memory', '2MB', '--prompt-tokens', '300']);
    const [, amount] = /set --memory (\d\.\d\dMB), or --context \d+ in 2\.00 MB$/.exec(json.obstacle ?? '') ?? [];
    // The least amount of three digits that holds the smallest budget, and so one that is planned.
    expect(amount).toBe(`${(Math.ceil(json.minimumBytes / 10_000) / 100).toFixed(2)}MB`);
    const { json: enough } = await flashrowJson<Plan>([...args, '--memory', amount]);
    expect([enough.fits, enough.contextSize]).toEqual([true, 256]);
    expect(json.obstacle).not.toContain('`');
    expect(stderr).toContain('note: a prompt of 300 tokens does not fit a context of 256 tokens');
  });

  test('are a table for people, with what would fit', async () => {
    const { exitCode, stdout } = await flashrow([...args, '--memory', '2MB,16MB']);
    const { json } = await flashrowJson<Plan>([...args, '--memory', '2MB']);
    const amount = /set --memory \S+(?=,)/.exec(json.obstacle ?? '')?.[0];
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^memory .*first token\n2\.00 MB +does not fit .*\n16\.0 MB +256 /);
    expect(stdout).toMatch(/^2\.00 MB: a budget of 2\.00 MB is too small: .*set --memory \d/m);
    expect(stdout).toContain(`${amount},`);
  });

  test('are refused where one of them is none', async () => {
    const { exitCode, json } = await flashrowJson([...args, '--memory', '4MB,lots']);
    expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
  });
});

describe('a run', () => {
  test('has no more context than its prompt and its tokens can use', async () => {
    const run = (prompt: string | number[], more: object = {}) =>
      contextForRun(TALES, prompt, { maxTokens: 20, ...more });
    expect(await run([1, 2, 3])).toBe(64);
    expect(await run([1, 2, 3], { maxTokens: 61 })).toBe(64);
    expect(await run([1, 2, 3], { maxTokens: 62 })).toBe(128);
    expect(await run('Once upon a time')).toBe(64);
    // 300 words of this model's vocabulary: 1,500 bytes, and far fewer tokens.
    const { json } = await flashrowJson<{ tokens: number[] }>(['tokenize', TALES, '--text', 'once '.repeat(300)]);
    expect(await run('once '.repeat(300))).toBe(Math.ceil((json.tokens.length + 20) / 64) * 64);
    expect(await run('Once', { maxTokens: undefined })).toBeUndefined();
  });

  test('counts what a chat template adds', async () => {
    const template = '{% for m in messages %}{% for i in range(300) %}once {% endfor %}{{ m.content }}{% endfor %}';
    const context = await contextForRun(TALES, 'Once', { chat: true, template, maxTokens: 20 });
    const { json } = await flashrowJson<{ tokens: number[] }>([
      'tokenize',
      TALES,
      '--text',
      `${'once '.repeat(300)}Once`,
    ]);
    expect(context).toBeGreaterThanOrEqual(json.tokens.length + 20);
    expect(context).toBeLessThan(json.tokens.length + 20 + 2 * 64);
  });

  test('of a chat has no more context than its messages and its tokens can use', async () => {
    const template = join(cacheDir, 'template.jinja');
    writeFileSync(template, '{% for m in messages %}{{ m.content }}{% endfor %}');
    const args = ['run', TALES, '--memory', '6.5MB', '--max-tokens', '20', ...CACHE];
    const { json: raw } = await flashrowJson<GenerationResult>([...args, '--prompt', 'Once']);
    const chat = [...args, '--chat', '--chat-template', template, '--prompt', 'Once'];
    const { json } = await flashrowJson<GenerationResult>(chat);
    expect(json.receipt.cacheBytes).toBe(raw.receipt.cacheBytes);
  });

  test('gives the memory that this saves to the cache, and names no context that was not asked for', async () => {
    const args = ['run', TALES, '--memory', '10MB', '--prompt', 'Once', '--max-tokens', '20', ...CACHE];
    const { json: open } = await flashrowJson<GenerationResult>(args);
    const { json: given } = await flashrowJson<GenerationResult>([...args, '--context', '512']);
    expect(open.tokens).toEqual(given.tokens);
    expect(open.receipt.cacheBytes).toBeGreaterThan(given.receipt.cacheBytes + 1_000_000);
    const { stderr } = await flashrow([...args, '--context', '512']);
    expect(stderr).toMatch(
      /^note: .* set aside for keys and values, and not used; --context 64 leaves them to the cache$/m,
    );
  });

  test('corrects later forecasts by what it measured', async () => {
    const shape = [TALES, '--memory', '16MB', '--context', '128', ...CACHE];
    await flashrow(['run', ...shape, '--prompt', 'Once', '--max-tokens', '40', '--ignore-eos']);
    expect(readdirSync(cacheDir)).toContain('speeds.json');
    const { json } = await flashrowJson<Plan>(['plan', ...shape]);
    expect(json.forecast.basis).toContain('an earlier run with about as much memory');
    const { stdout } = await flashrow(['list', ...CACHE]);
    expect(stdout).not.toContain('speeds');
  });
});
