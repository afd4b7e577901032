import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, loadModel, planModel } from '../../dist/src/index.js';
import { GOLDENS, writeGolden } from '../support/golden-families.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

/**
 * Mixers with a state of fixed size: short convolutions, gated delta nets, those with experts, those with n-grams,
 * several residual streams and attention to some blocks, Mamba-2; latent attention; and compressed keys.
 */
const MODELS = [
  ...['lfm2', 'qwen35', 'qwen3next', 'qwen4exp-sparse', 'granitehybrid', 'nemotron_h_moe', 'deepseek2-glm'],
  'deepseek4',
];
/** The same, of golden/families_2026.py; each of its models has 96 tokens. */
const FOLDERS = [
  'lfm2-moe',
  'qwen3.5',
  'qwen3.5-moe',
  'qwen3-next',
  'qwen4-exp',
  'granite-hybrid',
  'nemotron-h',
  'nemotron-h, ordinary networks',
  'deepseek-v3',
];

let folder: string;
const paths = new Map<string, string>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-reuse-'));
  if (!haveTiny2026) return;
  for (const model of MODELS) paths.set(model, writeTiny(folder, { model, type: 'q8_0', seed: 4, shape: 'a' }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (model: string, options: LoadOptions = {}) =>
  loadModel(paths.get(model)!, { cacheDir: join(folder, 'cache'), contextSize: 800, ...options });
const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => 3 + (((first + i) * 37) % 89));
const GREEDY = { temperature: 0, ignoreEos: true } as const;

const REUSED = 'is reused by a second turn as keys and values are, and gives what a fresh run gives';
async function expectReuse(name: string): Promise<void> {
  const model = await load(name);
  const fresh = await load(name);
  try {
    const prompt = ids(90, 1);
    const first = await model.generate(prompt, { ...GREEDY, maxTokens: 20 }).result;
    const second = [...prompt, ...first.tokens, ...ids(30, 500)];
    const cases: [string, number[], number][] = [
      ['the turn goes on', second, 90 + 19],
      ['the same prompt again', second, second.length - 1],
      ['an end that a template writes otherwise', [...second.slice(0, -3), ...ids(9, 900)], second.length - 3],
      ['the turn before, edited at its end', [...prompt, ...first.tokens.slice(0, 19), ...ids(5, 77)], 90 + 19],
    ];
    for (const [what, tokens, cached] of cases) {
      const reused = await model.generate(tokens, { ...GREEDY, maxTokens: 12 }).result;
      expect([what, reused.usage.cached]).toEqual([what, cached]);
      const alone = await fresh.generate(ids(4, 11), { ...GREEDY, maxTokens: 1 }).result;
      expect(alone.usage.cached).toBe(0);
      const again = await fresh.generate(tokens, { ...GREEDY, maxTokens: 12 }).result;
      expect([what, again.usage.cached]).toEqual([what, 0]);
      expect([what, reused.tokens]).toEqual([what, again.tokens]);
    }
  } finally {
    await model.dispose();
    await fresh.dispose();
  }
}

describe.skipIf(!haveTiny2026).each(MODELS)(`a state of fixed size: %s${withoutTiny2026}`, (name) => {
  it(REUSED, () => expectReuse(name));

  it('gives the same tokens at every budget, policy and number of threads', async () => {
    const { minimumBytes } = await planModel(paths.get(name)!, { contextSize: 800 });
    const prompt = ids(600, 3);
    const run = async (options: LoadOptions) => {
      const model = await load(name, options);
      try {
        return (await model.generate(prompt, { ...GREEDY, maxTokens: 24 }).result).tokens;
      } finally {
        await model.dispose();
      }
    };
    const expected = await run({ memory: '1GB' });
    expect(await run({ memory: minimumBytes })).toEqual(expected);
    expect(await run({ memory: '1GB', threads: 1 })).toEqual(expected);
    expect(await run({ memory: '1GB', threads: 3, tuning: { cache: 'lru' } })).toEqual(expected);
  });

  it('is sound after an abort in the middle of a pass', async () => {
    const model = await load(name);
    const fresh = await load(name);
    try {
      const prompt = ids(700, 5);
      for (const layers of [1, 3, 5]) {
        const stop = new AbortController();
        let seen = 0;
        const onProgress = () => {
          if (++seen === layers) stop.abort();
        };
        const broken = model.generate(prompt, { ...GREEDY, maxTokens: 5, signal: stop.signal, onProgress });
        await broken.result.catch(() => null);
        const after = await model.generate(prompt, { ...GREEDY, maxTokens: 12 }).result;
        await fresh.generate(ids(3, 9), { ...GREEDY, maxTokens: 1 }).result;
        const alone = await fresh.generate(prompt, { ...GREEDY, maxTokens: 12 }).result;
        expect(after.tokens).toEqual(alone.tokens);
        await model.generate(ids(3, 9), { ...GREEDY, maxTokens: 1 }).result;
      }
    } finally {
      await model.dispose();
      await fresh.dispose();
    }
  });

  it('counts in the plan whatever the context, and shows in the receipt', async () => {
    const short = await planModel(paths.get(name)!, { contextSize: 64 });
    const long = await planModel(paths.get(name)!, { contextSize: 640 });
    const perPage = (long.stateBytes - short.stateBytes) / 9;
    // Latent attention keeps something for every position, and nothing else.
    if (name.startsWith('deepseek2')) expect(short.stateBytes).toBe(perPage);
    else expect(short.stateBytes).toBeGreaterThan(perPage);
    const model = await load(name, { contextSize: 640 });
    try {
      const { receipt } = await model.generate(ids(640 - 8, 1), { ...GREEDY, maxTokens: 8 }).result;
      expect(receipt.stateBytes).toBeLessThanOrEqual(model.plan.stateBytes);
      expect(receipt.stateBytes).toBeGreaterThan(model.plan.stateBytes * 0.6);
    } finally {
      await model.dispose();
    }
  });

  it('that is too large for the budget is refused with the plan', async () => {
    const { minimumBytes } = await planModel(paths.get(name)!, { contextSize: 800 });
    await expect(load(name, { memory: minimumBytes - 1 })).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
  });
});

describe.each(FOLDERS)('a state of fixed size, of a Hugging Face folder: %s', (name) => {
  beforeAll(() => {
    paths.set(name, writeGolden(join(folder, name.replace(/\W+/g, '-')), GOLDENS.models[name]));
  });

  it(REUSED, () => expectReuse(name));
});
