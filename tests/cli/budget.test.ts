import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { checkpoint, useStories } from './stories.js';

const ONE_TOKEN = ['--tokens', '[1]', '--max-tokens', '1'];

describe.skipIf(!haveSharedData)(`budgets with stories260K${withoutSharedData}`, () => {
  const { model, scratch, shared } = useStories();

  test('plan fits from its own smallest budget on, and so does run', async () => {
    const { json: plan } = await flashrowJson<{ fits: boolean; minimumBytes: number }>(['plan', model, ...shared]);
    expect(plan.fits).toBe(true);
    const enough = ['--memory', String(plan.minimumBytes)];
    const tooLittle = ['--memory', String(plan.minimumBytes - 1)];
    const [runs, fails, refused] = await Promise.all([
      flashrow(['run', model, ...ONE_TOKEN, ...shared, ...enough]),
      flashrowJson(['run', model, ...ONE_TOKEN, ...shared, ...tooLittle]),
      flashrowJson<{ fits: boolean }>(['plan', model, ...shared, ...tooLittle]),
    ]);
    expect(runs.exitCode, runs.stderr).toBe(0);
    expect([fails.exitCode, fails.json.error.code]).toEqual([1, 'INSUFFICIENT_MEMORY']);
    expect([refused.exitCode, refused.json.fits]).toEqual([0, false]);
  });

  test('no memory at all is INSUFFICIENT_MEMORY, not bad usage', async () => {
    const { exitCode, json } = await flashrowJson(['run', model, ...ONE_TOKEN, ...shared, '--memory', '0']);
    expect([exitCode, json.error.code]).toEqual([1, 'INSUFFICIENT_MEMORY']);
  });

  test('a checkpoint that cannot be read in place is converted once, after a word on stderr', async () => {
    const turned = join(scratch, 'relu.gguf');
    writeRandomGguf(turned, SHAPES['tiny-relu'], 'q8_0');
    const args = ['run', turned, ...ONE_TOKEN, ...shared, '--cache-dir', join(scratch, 'cache')];
    const first = await flashrow(args);
    const second = await flashrow(args);
    expect(first.stderr).toMatch(/converting the checkpoint once: .* to write/);
    expect([second.exitCode, second.stderr.includes('converting')]).toEqual([0, false]);
  });

  test('a checkpoint that can be read in place is not converted', async () => {
    const args = ['run', checkpoint, ...ONE_TOKEN, ...shared, '--cache-dir', join(scratch, 'cache')];
    const { exitCode, stderr } = await flashrow(args);
    expect([exitCode, stderr.includes('convert')], stderr).toEqual([0, false]);
  });
});
