import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type GgufFamily, type ModelShape, SHAPES } from '../../dist/bench/model/shapes.js';
import type { WritableFormat } from '../../dist/native-bridge/formats.js';
import { convertModel, loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { openStore } from '../../dist/src/store/reader.js';
import { TALES } from '../support/shipped.js';

const PROMPT = Array.from({ length: 37 }, (_, i) => (i * 29) % 200);
const BASE: ModelOptions = { contextSize: 128, threads: 2 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-budgets-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const optionsWith = (more: ModelOptions): ModelOptions => ({ ...BASE, cacheDir: join(folder, 'cache'), ...more });

function randomModel(
  name: string,
  family: GgufFamily,
  format: WritableFormat,
  change: Partial<ModelShape> = {},
): string {
  const path = join(folder, `${name.replace(/\W+/g, '-')}.gguf`);
  writeRandomGguf(path, { ...SHAPES.tiny, family, ...change } as ModelShape, format);
  return path;
}

async function results(source: string, options: ModelOptions) {
  const model = await loadModel(source, options);
  try {
    const { tokens, receipt } = await model.generate(PROMPT, { maxTokens: 12, ignoreEos: true }).result;
    return { said: { tokens, rows: await model.logprobs(PROMPT, 5) }, receipt };
  } finally {
    await model.dispose();
  }
}

/** Budgets from the smallest that works to one that holds the whole model. */
async function budgetsOf(source: string, options: ModelOptions): Promise<number[]> {
  const { residentBytes, stateBytes, scratchBytes, cacheBytes } = await planModel(source, {
    ...options,
    memory: '1TB',
  });
  const { minimumBytes } = await planModel(source, { ...options, memory: '1' });
  const whole = residentBytes + stateBytes + scratchBytes + cacheBytes;
  return [0, 0.03, 0.2, 0.5, 1].map((share) => Math.ceil(minimumBytes + share * (whole - minimumBytes)));
}

async function expectTheSame(source: string, more: ModelOptions = {}): Promise<void> {
  const options = optionsWith(more);
  const budgets = await budgetsOf(source, options);
  let whole: Awaited<ReturnType<typeof results>>['said'] | null = null;
  let streamed = 0;
  for (const memory of budgets.reverse()) {
    const plan = await planModel(source, { ...options, memory });
    const { said, receipt } = await results(source, { ...options, memory });
    whole ??= said;
    expect(said, `in ${memory} bytes`).toEqual(whole);
    const { residentBytes, stateBytes, scratchBytes, cacheBytes } = receipt;
    expect(residentBytes + stateBytes + scratchBytes + cacheBytes).toBeLessThanOrEqual(memory);
    expect({ residentBytes, cacheBytes }).toEqual({ residentBytes: plan.residentBytes, cacheBytes: plan.cacheBytes });
    if (plan.denseStreamedBytes > 0) streamed++;
    // Without picking and with a full cache, a pass reads what the plan says of a token; drafts make them fewer.
    const passes = Math.round(11 / receipt.speculation.tokensPerPass!);
    if (plan.selector === 'all') expect(receipt.payloadBytesRead.decode).toBe(passes * plan.bytesPerToken);
  }
  expect(streamed).toBeGreaterThan(1);
}

const { experts } = SHAPES['tiny-moe'];
const MIXTURE = { headDim: 64, intermediateSize: 384, experts };

describe('the same tokens and probabilities at every budget', () => {
  it.each<[string, GgufFamily, WritableFormat, Partial<ModelShape>?]>([
    ['Llama with grouped queries', 'llama', 'q4_0', { numKeyValueHeads: 4 }],
    ['Llama in F32', 'llama', 'f32'],
    ['Llama with a tied head', 'llama', 'q8_0', { tiedEmbeddings: true }],
    ['Llama with a large vocabulary', 'llama', 'q4_1', { vocabSize: 5000 }],
    ['Qwen 2, with biases', 'qwen2', 'q4_1'],
    ['Qwen 3, with norms of heads', 'qwen3', 'f16'],
    ['Gemma 3', 'gemma3', 'q8_0', { tiedEmbeddings: true }],
    ['Phi 3, whose matrices are fused', 'phi3', 'q4_0'],
    ['Falcon, with layer norms', 'falcon-40b', 'f32'],
  ])('%s', async (name, family, format, change) => {
    await expectTheSame(randomModel(name, family, format, change));
  });

  it.each<[string, GgufFamily, WritableFormat, Partial<ModelShape>?]>([
    ['Mixtral', 'mixtral', 'q4_0'],
    ['Qwen 2 MoE, with a shared expert', 'qwen2moe', 'q4_0', { experts: { ...experts!, sharedIntermediateSize: 128 } }],
    ['gpt-oss', 'gpt-oss', 'q8_0'],
    ['Qwen 3.5, whose delta nets have a state', 'qwen35moe', 'q4_0', SHAPES['tiny-hybrid']],
    ['DeepSeek 2, whose attention is latent', 'deepseek2', 'q4_1', SHAPES['tiny-latent']],
  ])('%s, by any cache policy', async (name, family, format, change) => {
    const source = randomModel(name, family, format, { ...MIXTURE, ...change });
    for (const cache of ['auto', 'lru'] as const) await expectTheSame(source, { tuning: { cache } });
  });

  it.each(['all', 'gate'] as const)('a ReLU store with checksums, by %s', async (selector) => {
    await expectTheSame(TALES, { tuning: { selector } });
  });

  it('a store whose halves have other formats', async () => {
    const store = join(folder, 'mixed-store');
    await convertModel(randomModel('mixed', 'llama', 'f32'), store, { rows: 'q4_0', dense: 'q8_0' });
    await expectTheSame(store);
  });

  it('at one thread, and through the page cache', async () => {
    const source = randomModel('plain', 'llama', 'q4_0');
    const options = optionsWith({});
    const [memory] = await budgetsOf(source, options);
    const { said } = await results(source, { ...options, memory: '1GB' });
    for (const other of [{ threads: 1 }, { tuning: { direct: false } }])
      expect((await results(source, { ...options, memory, ...other })).said).toEqual(said);
  });
});

describe('a model that streams whole', () => {
  it('goes on after an abort in the middle of a prompt, and of a text', async () => {
    const source = randomModel('aborted', 'llama', 'f32', { contextLength: 512 });
    const options = optionsWith({ contextSize: 512 });
    const [memory] = await budgetsOf(source, options);
    const prompt = Array.from({ length: 300 }, (_, i) => (i * 31) % 500);
    const right = (await results(source, { ...options, memory: '1GB' })).said;
    const model = await loadModel(source, { ...options, memory });
    try {
      for (const layers of [1, 2, 3, 5, 9]) {
        const stop = new AbortController();
        let seen = 0;
        const onProgress = () => {
          if (++seen === layers) stop.abort();
        };
        const aborted = model.generate(prompt, { maxTokens: 8, signal: stop.signal, onProgress });
        await aborted.result.catch(() => undefined);
        const { tokens } = await model.generate(PROMPT, { maxTokens: 12, ignoreEos: true }).result;
        expect(tokens).toEqual(right.tokens);
      }
      const stop = new AbortController();
      const text = model.generate(prompt, { maxTokens: 60, ignoreEos: true, signal: stop.signal });
      let pieces = 0;
      const read = async () => {
        for await (const _ of text) if (++pieces === 4) stop.abort();
      };
      await expect(read()).rejects.toThrow('aborted');
      expect((await model.generate(PROMPT, { maxTokens: 12, ignoreEos: true }).result).tokens).toEqual(right.tokens);
    } finally {
      await model.dispose();
    }
  });

  it('tells damage in a matrix that streams, before it gives a token, and goes on once that is mended', async () => {
    const store = join(folder, 'damaged-store');
    await convertModel(randomModel('to-damage', 'llama', 'q8_0'), store, {});
    const options = optionsWith({});
    const [memory] = await budgetsOf(store, options);
    const { said } = await results(store, { ...options, memory });
    for (const name of ['layers.0.q', 'layers.2.o', 'head']) {
      const { path, offset, bytes } = openStore(store).tensors.get(name)!;
      const flip = () => {
        const fd = openSync(path, 'r+');
        const byte = Buffer.alloc(1);
        readSync(fd, byte, 0, 1, offset + (bytes >> 1));
        byte[0] ^= 8;
        writeSync(fd, byte, 0, 1, offset + (bytes >> 1));
        closeSync(fd);
      };
      flip();
      const model = await loadModel(store, { ...options, memory });
      try {
        for (let attempt = 0; attempt < 2; attempt++) {
          await expect(model.generate(PROMPT, { maxTokens: 4 }).result).rejects.toMatchObject({
            code: 'CORRUPT',
            details: { path, offset },
          });
        }
        flip();
        const { tokens } = await model.generate(PROMPT, { maxTokens: 12, ignoreEos: true }).result;
        expect(tokens).toEqual(said.tokens);
      } finally {
        await model.dispose();
      }
    }
  });
});
