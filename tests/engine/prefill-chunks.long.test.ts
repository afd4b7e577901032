import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHost } from '../../dist/src/engine/open-host.js';
import { loadModel, type ModelInfo, planModel, type Tuning } from '../../dist/src/index.js';
import { GOLDENS, writeGolden } from '../support/golden-families.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

/** By what mixes its tokens: the name of a GGUF file of tiny-2026, and of a Hugging Face folder. */
const MODELS: Record<string, [gguf: string, folder: string | null]> = {
  'windows of attention': ['gemma4-moe', 'gemma4, inputs of each layer'],
  'latent attention': ['deepseek2-glm', 'deepseek-v3'],
  'short convolutions': ['lfm2', 'lfm2-moe'],
  'gated delta nets': ['qwen35moe', 'qwen3.5'],
  'n-grams before gated delta nets, and attention to some blocks': ['qwen4exp-sparse', 'qwen4-exp'],
  'Mamba-2': ['granitehybrid', 'nemotron-h'],
  'compressed keys, and experts by a table': ['deepseek4', null],
};

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-chunks-'));
const cacheDir = join(scratch, 'cache');
beforeAll(() => void mkdirSync(cacheDir));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Longer than the longest chunk, 512 tokens. */
const ids = Array.from({ length: 530 }, (_, i) => 3 + ((i * 37) % 90));
const OPTIONS = { cacheDir, contextSize: 600 };

/** Has the store of a model made, and says where it is. */
async function infoOf(source: string): Promise<ModelInfo> {
  const model = await loadModel(source, OPTIONS);
  await model.dispose();
  return model.info;
}

/** The logits of all tokens where so many tokens go through a layer together. */
async function run(store: string, chunkTokens: number | undefined, memory: number | string, tuning: Tuning = {}) {
  const args = { store, options: { ...OPTIONS, memory, tuning }, anonymousBefore: 0 };
  const host = await openHost(
    args,
    () => false,
    () => {},
    chunkTokens,
  );
  const logits: Buffer[] = [];
  try {
    await host.score(
      [ids],
      () => false,
      () => {},
      (row) => logits.push(Buffer.from(row.slice().buffer)),
    );
  } finally {
    await host.dispose();
  }
  return Buffer.concat(logits);
}

async function expectSameLogits(source: string): Promise<void> {
  const { path: store, vocabSize } = await infoOf(source);
  const whole = await run(store, undefined, '1GB');
  expect(whole.length).toBe(4 * ids.length * vocabSize);
  const { minimumBytes } = await planModel(store, OPTIONS);
  expect((await run(store, 1, '1GB')).equals(whole)).toBe(true);
  expect((await run(store, 7, minimumBytes)).equals(whole)).toBe(true);
  expect((await run(store, 31, '1GB', { cache: 'lru' })).equals(whole)).toBe(true);
}

describe.each(Object.entries(MODELS))('the logits of a text are the same bits, whatever the chunk: %s', (_, names) => {
  const [gguf, folder] = names;
  it.skipIf(!haveTiny2026)(`in a GGUF file, ${gguf}${withoutTiny2026}`, async () => {
    await expectSameLogits(writeTiny(scratch, { model: gguf, type: 'q8_0', seed: 4, shape: 'a' }));
  });

  it.skipIf(folder === null)(`in a Hugging Face folder, ${folder ?? 'which is not known'}`, async () => {
    await expectSameLogits(writeGolden(join(scratch, folder!.replace(/\W+/g, '-')), GOLDENS.models[folder!]));
  });
});
