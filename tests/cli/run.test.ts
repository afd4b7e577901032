import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { GenerationResult } from '../../src/contract/generation.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { checkpoint, greedyIds, greedyText, useStories } from './stories.js';

const GREEDY = ['--tokens', '[1]', '--max-tokens', '100'];

describe.skipIf(!haveSharedData)(`run with stories260K${withoutSharedData}`, () => {
  const { model, scratch, shared } = useStories();

  test('continues tokens greedily as the reference does, with usage and a receipt', async () => {
    const { exitCode, json } = await flashrowJson<GenerationResult>(['run', model, ...GREEDY, ...shared]);
    expect(exitCode).toBe(0);
    expect(json.tokens).toEqual(greedyIds().slice(1, 101));
    expect(greedyText()).toContain(json.text.trim());
    expect(json).toMatchObject({ finishReason: 'length', usage: { prompt: 1, cached: 0, completion: 100 } });
    expect(json.receipt).toMatchObject({ exact: true, falseNegativeRate: null, budgetBytes: 64_000_000 });
  });

  test('without --json writes the text alone to stdout and the receipt to stderr', async () => {
    const { exitCode, stdout, stderr } = await flashrow([
      'run',
      model,
      '--prompt',
      'Once upon a time',
      '--max-tokens',
      '40',
      ...shared,
    ]);
    expect(exitCode, stderr).toBe(0);
    expect(greedyText().startsWith(`Once upon a time${stdout}`)).toBe(true);
    expect(stdout.length).toBeGreaterThan(40);
    expect(stderr).toMatch(/^\n5 prompt tokens, 40 generated: the limit was reached\nran +exact/m);
  });

  test('a cache folder that is a file is NOT_WRITABLE', async () => {
    const { exitCode, json } = await flashrowJson(['run', checkpoint, ...GREEDY, '--cache-dir', checkpoint]);
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_WRITABLE']);
  });

  test('ends before the first of several stop strings and keeps it out of the text', async () => {
    const { json } = await flashrowJson<GenerationResult>([
      'run',
      model,
      ...GREEDY,
      ...shared,
      '--stop',
      'not in there',
      '--stop',
      'to play',
    ]);
    expect(json.finishReason).toBe('stop');
    expect(json.text.trim()).toBe(greedyText().split('to play')[0].trim());
  });

  test('with the same seed draws the same, whatever the budget', async () => {
    const drawn = ['run', model, ...GREEDY, '--temperature', '0.9', '--top-k', '40', '--seed', '7', ...shared];
    const [ample, tight] = await Promise.all([
      flashrowJson<GenerationResult>(drawn),
      flashrowJson<GenerationResult>([...drawn, '--memory', '1.5MB']),
    ]);
    expect(tight.json.tokens).toEqual(ample.json.tokens);
    expect(tight.json.receipt.budgetBytes).toBe(1_500_000);
  });

  test('a prompt beyond the context is CONTEXT_OVERFLOW', async () => {
    const { exitCode, json } = await flashrowJson([
      'run',
      model,
      '--tokens',
      '[1,2,3,4,5]',
      ...shared,
      '--context',
      '4',
    ]);
    expect([exitCode, json.error.code]).toEqual([1, 'CONTEXT_OVERFLOW']);
  });

  test('a model that is not there is NOT_FOUND', async () => {
    const { exitCode, json } = await flashrowJson(['run', join(scratch, 'no.gguf'), '--prompt', 'a', ...shared]);
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_FOUND']);
  });
});
