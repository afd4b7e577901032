import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, loadModel, planModel } from '../../../dist/src/index.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../../support/tiny-2026.js';

/** Attention with windows, gated delta nets beside attention, with an index of blocks too, latent attention. */
const MODELS = ['gemma4-e', 'qwen35', 'qwen4exp-sparse', 'deepseek2-glm', 'deepseek4'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-sequences-'));
  mkdirSync(join(folder, 'cache'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => 3 + (((first + i) * 37) % 290));
const GREEDY = { temperature: 0, ignoreEos: true } as const;

describe.skipIf(!haveTiny2026).each(MODELS)(`conversations side by side: %s${withoutTiny2026}`, (name) => {
  let path: string;
  beforeAll(() => {
    path = writeTiny(folder, { model: name, type: 'q8_0', seed: 4, shape: 'a' });
  });
  const load = (options: LoadOptions) =>
    loadModel(path, { cacheDir: join(folder, 'cache'), contextSize: 600, memory: '1GB', ...options });

  it('keep their prefixes, and give what each gives alone', async () => {
    const model = await load({ sequences: 2 });
    const alone = await load({});
    try {
      const system = ids(70, 1);
      const prompts = [
        [...system, ...ids(40, 300)],
        [...system, ...ids(25, 500)],
      ];
      for (let turn = 0; turn < 3; turn++)
        for (const [i, prompt] of prompts.entries()) {
          const { tokens, usage, receipt } = await model.generate(prompt, { ...GREEDY, maxTokens: 12 }).result;
          await alone.generate(ids(3, 7 + turn), { ...GREEDY, maxTokens: 1 }).result;
          const expected = await alone.generate(prompt, { ...GREEDY, maxTokens: 12 }).result;
          expect([turn, i, tokens]).toEqual([turn, i, expected.tokens]);
          // What both share was copied: all of it from keys and values, what a state can return to from others.
          if (turn === 0 && !name.startsWith('qwen')) expect(usage.cached).toBe(i === 0 ? 0 : 70);
          if (turn > 0) expect(usage.cached).toBe(prompt.length - 9 - 1);
          expect(receipt.stateBytes).toBeLessThanOrEqual(model.plan.stateBytes);
          prompt.push(...tokens, ...ids(9, 50 * turn + i));
        }
      // A score takes the place of the one that was used longest ago; the other conversation is still there.
      await model.logprobs(ids(20, 9), 1);
      const { usage } = await model.generate(prompts[1], { ...GREEDY, maxTokens: 1 }).result;
      expect(usage.cached).toBe(prompts[1].length - 9 - 1);
    } finally {
      await model.dispose();
      await alone.dispose();
    }
  });

  it('take as many states, which the plan counts', async () => {
    const [one, three] = await Promise.all(
      [1, 3].map((sequences) => planModel(path, { contextSize: 600, sequences, memory: '1GB' })),
    );
    expect(three.stateBytes).toBe(3 * one.stateBytes);
    expect(three.minimumBytes - one.minimumBytes).toBe(2 * one.stateBytes);
    await expect(load({ sequences: 3, memory: three.minimumBytes - 1 })).rejects.toMatchObject({
      code: 'INSUFFICIENT_MEMORY',
    });
  });
});
