import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { loadModel, type ModelOptions, type Plan, planModel } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

let folder: string;
let mixture: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-accounting-'));
  mixture = join(folder, 'moe.gguf');
  writeRandomGguf(mixture, SHAPES['tiny-moe'], 'q4_0');
});
afterAll(() => rmSync(folder, { recursive: true }));

const spent = ({ residentBytes, stateBytes, scratchBytes, cacheBytes }: Plan) =>
  residentBytes + stateBytes + scratchBytes + cacheBytes;

describe('plans and receipts', () => {
  it.each<[string, () => string, ModelOptions]>([
    ['every row, a ring', () => TALES, { memory: '7MB', tuning: { selector: 'all' } }],
    ['every row, all of it', () => TALES, { memory: '16MB', tuning: { selector: 'all' } }],
    ['gates', () => TALES, { memory: '8MB', tuning: { selector: 'gate' } }],
    ['gates, all of it', () => TALES, { memory: '64MB', tuning: { selector: 'gate', state: 'f32' } }],
    ['keys and values in 8 bits', () => TALES, { memory: '8MB', tuning: { state: 'q8' } }],
    ['predictors', () => TALES, { memory: '8MB', exact: false, tuning: { selector: 'low-rank' } }],
    ['signs', () => TALES, { memory: '8MB', exact: false, tuning: { selector: 'sign', cache: 'lru' } }],
    ['experts', () => mixture, { memory: '16MB' }],
    ['a budget beyond any machine', () => mixture, { memory: '100TB' }],
  ])('add up to the byte: %s', async (_, source, asked) => {
    const options = { ...asked, contextSize: 128, cacheDir: join(folder, 'cache') };
    const plan = await planModel(source(), options);
    const exact = options.exact !== false && options.tuning?.state !== 'q8';
    expect(plan).toMatchObject({ fits: true, obstacle: null, contextSize: 128, exact });
    expect(spent(plan)).toBeLessThanOrEqual(plan.budgetBytes);
    // A ring, and what slots leave empty, are part of the cache and hold nothing of it.
    expect(plan.cachedShare).toBeLessThanOrEqual(Math.min(1, plan.cacheBytes / plan.ffnBytes));
    if (plan.cachedShare === 1) expect(plan.bytesPerToken).toBe(plan.denseStreamedBytes);

    const model = await loadModel(source(), options);
    try {
      const { receipt } = await model.generate([1, 2, 3, 4], { maxTokens: 90, ignoreEos: true }).result;
      const { residentBytes, stateBytes, scratchBytes, cacheBytes, memoryBytes } = receipt;
      expect(memoryBytes).toBe(residentBytes + stateBytes + scratchBytes + cacheBytes);
      expect(receipt).toMatchObject({ exact, stateFormat: options.tuning?.state ?? 'f16' });
      // A store in the cache folder may keep its matrices in other formats than a plan from headers, but not here.
      expect({ residentBytes, scratchBytes, cacheBytes }).toEqual({
        residentBytes: plan.residentBytes,
        scratchBytes: plan.scratchBytes,
        cacheBytes: plan.cacheBytes,
      });
      // 93 positions take two pages of 64, which is all of a context of 128.
      expect(stateBytes).toBe(plan.stateBytes);
    } finally {
      await model.dispose();
    }
  });
});

describe('the smallest budget', () => {
  it('is enough under the same options and the context that the plan names, and a byte less is not', async () => {
    const cacheDir = join(folder, 'cache');
    for (const source of [TALES, mixture]) {
      const { minimumBytes, contextSize } = await planModel(source, { memory: 0, cacheDir });
      for (const [memory, fits] of [
        [minimumBytes, true],
        [minimumBytes - 1, false],
      ] as const) {
        expect(await planModel(source, { memory, contextSize, cacheDir })).toMatchObject({ fits, minimumBytes });
      }
    }
  });

  it('falls with the context, and the largest context that a budget holds fits it', async () => {
    const { minimumBytes } = await planModel(TALES, { memory: 0, contextSize: 512 });
    const { largestContextSize, obstacle } = await planModel(TALES, { memory: minimumBytes - 1, contextSize: 512 });
    expect(obstacle).toContain(`\`contextSize: ${largestContextSize}\``);
    const at = (contextSize: number) => planModel(TALES, { memory: minimumBytes - 1, contextSize });
    expect([(await at(largestContextSize)).fits, (await at(largestContextSize + 64)).fits]).toEqual([true, false]);
  });
});
