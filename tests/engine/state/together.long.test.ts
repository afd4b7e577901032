import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateSettings } from '../../../dist/src/api/generate-settings.js';
import { openHost } from '../../../dist/src/engine/open-host.js';
import { type GenerateOptions, type LoadOptions, loadModel, type Model, planModel } from '../../../dist/src/index.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../../support/tiny-2026.js';

/**
 * Attention, with windows, and of latent keys; short convolutions; gated delta nets, with experts, too; Mamba-2, with
 * experts, too; inputs of each layer; a mixture.
 */
const MODELS = [
  'llama',
  'gemma4-e',
  'deepseek2-glm',
  'deepseek4',
  'lfm2',
  'qwen35',
  'qwen3next',
  'granitehybrid',
  'nemotron_h_moe',
  'mixtral',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-together-'));
  mkdirSync(join(folder, 'cache'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => 3 + (((first + i) * 37) % 290));
const CALLS = 8;
/** Prompts of less than a chunk and of several, and answers of different lengths, one of them drawn. */
const JOBS = Array.from({ length: CALLS }, (_, i) => ({
  prompt: ids(4 + 29 * i, 100 * i),
  options: {
    ...(i === 3 ? { temperature: 1.2, seed: 5 } : { temperature: 0 }),
    ...{ ignoreEos: true, maxTokens: 9 + 7 * ((i * 3) % CALLS) },
  } satisfies GenerateOptions,
}));

describe.skipIf(!haveTiny2026).each(MODELS)(`generations at once: %s${withoutTiny2026}`, (name) => {
  let path: string;
  let minimumBytes: number;
  let expected: number[][];
  const SIZES = { contextSize: 320, sequences: CALLS };

  const load = (options: LoadOptions) =>
    loadModel(path, { cacheDir: join(folder, 'cache'), memory: '1GB', ...options });
  async function withModel<T>(options: LoadOptions, work: (model: Model) => Promise<T>): Promise<T> {
    const model = await load(options);
    try {
      return await work(model);
    } finally {
      await model.dispose();
    }
  }

  beforeAll(async () => {
    path = writeTiny(folder, { model: name, type: 'q8_0', seed: 4, shape: 'a' });
    ({ minimumBytes } = await planModel(path, SIZES));
    expected = await withModel({ contextSize: 320 }, async (model) => {
      const answers: number[][] = [];
      for (const { prompt, options } of JOBS) answers.push((await model.generate(prompt, options).result).tokens);
      return answers;
    });
  });

  it.each([
    ['in plenty', {}],
    ['in the least memory', { memory: 0 }],
    ['with one thread', { threads: 1 }],
    ['with three threads and an LRU cache', { threads: 3, tuning: { cache: 'lru' } }],
    ['with nothing cached', { tuning: { cache: 'window:0' } }],
  ] as [string, LoadOptions][])('each give what they give alone, %s', async (_, options) => {
    const memory = options.memory === 0 ? minimumBytes : '1GB';
    const results = await withModel({ ...SIZES, ...options, memory }, (model) =>
      Promise.all(JOBS.map(({ prompt, options }) => model.generate(prompt, options).result)),
    );
    expect(results.map(({ tokens }) => tokens)).toEqual(expected);
    for (const { receipt } of results) expect(receipt.memoryBytes).toBeLessThanOrEqual(receipt.budgetBytes);
  });

  it('go on where one is aborted, one ends early, and one comes in the middle', async () => {
    await withModel(SIZES, async (model) => {
      const stop = new AbortController();
      let late: Promise<number[]> | null = null;
      const answers = JOBS.slice(0, 6).map(async ({ prompt, options }, i) => {
        const signal = i === 2 ? stop.signal : undefined;
        const generation = model.generate(prompt, { ...options, signal, maxTokens: i === 4 ? 3 : options.maxTokens });
        let pieces = 0;
        try {
          for await (const _ of generation) {
            if (i === 2 && ++pieces === 4) stop.abort();
            if (i === 5 && ++pieces === 5) late = model.generate(JOBS[7].prompt, JOBS[7].options).result.then(tokensOf);
          }
        } catch (error) {
          expect([i, error]).toEqual([2, stop.signal.reason]);
        }
        return tokensOf(await generation.result);
      });
      const results = await Promise.all(answers);
      for (const [i, tokens] of results.entries()) {
        const whole = i !== 2 && i !== 4;
        expect([i, tokens]).toEqual([i, whole ? expected[i] : expected[i].slice(0, tokens.length)]);
      }
      expect(results[4]).toHaveLength(3);
      expect(await late!).toEqual(expected[7]);
      // What was aborted can be told again.
      expect(tokensOf(await model.generate(JOBS[2].prompt, JOBS[2].options).result)).toEqual(expected[2]);
    });
  });

  it('go on where one is aborted at any layer, with a prompt or without', async () => {
    const store = await withModel({}, async (model) => model.info.path);
    const options = { memory: '1GB', contextSize: 320, sequences: 3, cacheDir: join(folder, 'cache') };
    const host = await openHost(
      { store, options, anonymousBefore: 0 },
      () => false,
      () => {},
    );
    const table = { channels: null, eosIds: [], suppressedIds: [], bytes: new Uint8Array(0) };
    const vocabulary = { ...table, ends: new Uint32Array(2 * host.info.vocabSize) };
    const generate = (job: number, aborted: () => boolean) =>
      host.generate(
        {
          ...{ prompt: JOBS[job].prompt, pictures: [], vocabulary, form: null, progress: false },
          settings: generateSettings(JOBS[job].options),
        },
        aborted,
        () => {},
      );
    try {
      for (let looks = 1; looks < 60; looks += 4) {
        let left = looks;
        const [first, aborted, last] = await Promise.all([
          generate(0, () => false),
          // A prompt of several chunks.
          generate(6, () => --left <= 0),
          generate(1, () => false),
        ]);
        expect([looks, first.tokens, last.tokens]).toEqual([looks, expected[0], expected[1]]);
        expect(aborted.tokens).toEqual(expected[6].slice(0, aborted.tokens.length));
        expect(aborted.finishReason).toBe('abort');
      }
      expect((await generate(6, () => false)).tokens).toEqual(expected[6]);
    } finally {
      await host.dispose();
    }
  });

  it('pay together for what was read, and for no more', async () => {
    const reads = async (atOnce: boolean) =>
      withModel({ ...SIZES, memory: minimumBytes }, async (model) => {
        const results = [];
        for (const { prompt, options } of JOBS) {
          const { result } = model.generate(prompt, options);
          if (!atOnce) await result;
          results.push(result);
        }
        const receipts = (await Promise.all(results)).map(({ receipt }) => receipt);
        const sum = (of: (receipt: (typeof receipts)[number]) => number) =>
          receipts.reduce((total, receipt) => total + of(receipt), 0);
        return {
          bundles: sum(({ bundlesHit, bundlesMissed }) => bundlesHit + bundlesMissed),
          bytes: sum(({ payloadBytesRead: { prefill, decode } }) => prefill + decode),
          each: receipts.map(({ payloadBytesRead: { prefill, decode } }) => prefill + decode),
        };
      });
    const [together, inTurn] = [await reads(true), await reads(false)];
    // Every pass asks for all bundles, or for the experts of all its tokens.
    expect(together.bundles).toBeLessThan(0.7 * inTurn.bundles);
    expect(together.bytes).toBeLessThan(0.8 * inTurn.bytes);
    expect(together.each.every((bytes) => bytes > 0 && Number.isInteger(bytes))).toBe(true);
  });
});

const tokensOf = ({ tokens }: { tokens: number[] }) => tokens;
