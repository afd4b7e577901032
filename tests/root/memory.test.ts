import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeInCgroup, type ProcessOutcome } from '../../dist/bench/capped/cgroup.js';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type ModelShape, parseShape, SHAPES } from '../../dist/bench/model/shapes.js';
import { type GenerationResult, loadModel, planModel } from '../../dist/src/index.js';
import { isRootRun, unlessRootRun } from './suite.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
/**
 * What node and the command line hold before the engine is loaded: about 20 MB of their own, and room for file pages.
 */
const NODE_BYTES = 32 << 20;
const SHORT = { prompt: [1, 17, 300, 42, 259, 8, 111, 64], context: 256 };
/** As many tokens as go through a layer of experts together, and more: buffers of that many fill. */
const LONG = { prompt: Array.from({ length: 600 }, (_, i) => (i * 37) % 500), context: 640 };
const NEW_TOKENS = 12;

/** Large models, cut to few layers and tokens: a layer of each kind is left. */
const CUT: Record<string, ModelShape> = {
  'latent attention': { ...SHAPES['deepseek-v2-lite'], numLayers: 2, vocabSize: 512 },
  'a state of fixed size beside attention': { ...SHAPES['qwen3.6-35b-a3b'], numLayers: 4, vocabSize: 512 },
};

let text = SHORT;
let folder: string;
let model: string;
let modelBytes: number;
let store: string;
let converting: ProcessOutcome;
let expected: number[];
const figures: Record<string, string>[] = [];

function make(shape: ModelShape, prompt: typeof SHORT): void {
  text = prompt;
  folder = mkdtempSync(join(tmpdir(), 'flashrow-root-'));
  model = join(folder, 'model.gguf');
  store = join(folder, 'store');
  modelBytes = writeRandomGguf(model, shape, 'q4_1');
}

function remove(): void {
  rmSync(folder, { recursive: true, force: true });
  console.table(figures.splice(0));
}

/** Runs the store by a cache policy within a budget, under a limit that the model exceeds. */
async function expectWithin(budget: number, cache: string): Promise<void> {
  const { overheadBytes } = await planModel(store, { memory: budget, contextSize: text.context });
  const limit = budget + overheadBytes + NODE_BYTES;
  expect(limit).toBeLessThan(modelBytes);
  const { tokens, receipt } = await runCapped(`run ${cache}`, limit, ['--memory', `${budget}`, '--cache', cache]);
  expect(tokens).toEqual(expected);
  expect(receipt.payloadBytesRead.decode).toBeGreaterThan(0);
  expect(receipt.memoryBytes).toBeLessThanOrEqual(budget);
  expect(receipt.rssGrowthBytes).toBeLessThanOrEqual(budget + receipt.overheadBytes);
}

describe.skipIf(!isRootRun)(`a memory cgroup that does not hold the model${unlessRootRun}`, () => {
  beforeAll(async () => {
    const { shape } = parseShape('hidden=2048,ffn=8192,layers=10,heads=16,kv-heads=4,vocab=512');
    make(shape, SHORT);
    converting = await nodeInCgroup(modelBytes / 2, [MAIN, 'convert', model, store, '--json']);
    figures.push({ what: 'convert', limit: megabytes(modelBytes / 2), peak: megabytes(converting.peakBytes!) });
    expected = await generateFreely();
  });
  afterAll(remove);

  it('kills a process that holds as much as the model', async () => {
    const hold = `Buffer.alloc(${modelBytes}, 1)`;
    expect(await nodeInCgroup(modelBytes, ['-e', hold])).toMatchObject({ exitCode: 128 + 9, killed: 1 });
  });

  it('converts it in half of its size', () => {
    expect(converting, converting.stderr).toMatchObject({ exitCode: 0, killed: 0 });
  });

  it.each(['pin', 'lru', 'window:2'])('runs it with half of its size, and writes the same: %s', (cache) =>
    expectWithin(Math.round(modelBytes / 2), cache),
  );

  it('plans for it in less than the probes of a free machine take', async () => {
    const args = [MAIN, 'plan', model, '--memory', '60MB', '--context', '64', '--cache-dir', join(folder, 'cache')];
    const planning = await nodeInCgroup(200e6, [...args, '--json']);
    expect(planning, planning.stderr).toMatchObject({ exitCode: 0, killed: 0 });
    expect(JSON.parse(planning.stdout).forecast.tokensPerSecond).toBeGreaterThan(0);
  });

  it('takes no more than 60% of what the cgroup holds where no budget is given', async () => {
    const { tokens, receipt } = await runCapped('run, no budget given', modelBytes, []);
    expect(tokens).toEqual(expected);
    expect(receipt.budgetBytes).toBeLessThanOrEqual(0.6 * modelBytes);
    expect(receipt.rssGrowthBytes).toBeLessThanOrEqual(receipt.budgetBytes + receipt.overheadBytes);
  });
});

describe.skipIf(!isRootRun).each(Object.keys(CUT))(
  `a memory cgroup, and a larger model with %s${unlessRootRun}`,
  (kind) => {
    beforeAll(async () => {
      make(CUT[kind], LONG);
      const loaded = await loadModel(model, {
        memory: '2GB',
        contextSize: text.context,
        cacheDir: join(folder, 'cache'),
      });
      store = loaded.info.path;
      await loaded.dispose();
      expected = await generateFreely();
    });
    afterAll(remove);

    it.each(['lru', 'lfu'] as const)('runs it with the least that it needs, and writes the same: %s', async (cache) => {
      const { minimumBytes } = await planModel(store, { contextSize: text.context, tuning: { cache } });
      await expectWithin(minimumBytes, cache);
    });
  },
);

async function generateFreely(): Promise<number[]> {
  const loaded = await loadModel(store, { memory: '2GB', contextSize: text.context });
  try {
    return (await loaded.generate(text.prompt, { maxTokens: NEW_TOKENS, ignoreEos: true }).result).tokens;
  } finally {
    await loaded.dispose();
  }
}

async function runCapped(what: string, limit: number, options: string[]): Promise<GenerationResult> {
  const generation = ['--tokens', JSON.stringify(text.prompt), '--max-tokens', `${NEW_TOKENS}`, '--ignore-eos'];
  const shared = ['--json', '--context', `${text.context}`, ...generation];
  const outcome = await nodeInCgroup(limit, [MAIN, 'run', store, ...shared, ...options]);
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0, killed: 0 });
  const result: GenerationResult = JSON.parse(outcome.stdout);
  const { budgetBytes, overheadBytes, memoryBytes, rssGrowthBytes, decodeTokensPerSecond } = result.receipt;
  figures.push({
    what,
    limit: megabytes(limit),
    peak: megabytes(outcome.peakBytes!),
    budget: megabytes(budgetBytes),
    accounted: megabytes(memoryBytes),
    overhead: megabytes(overheadBytes),
    growth: megabytes(rssGrowthBytes),
    'tokens/s': decodeTokensPerSecond?.toFixed(1) ?? '',
  });
  return result;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
