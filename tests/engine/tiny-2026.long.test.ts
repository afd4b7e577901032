import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, planModel } from '../../dist/src/index.js';
import { type Nearness, nearness, printTable } from '../support/how-near.js';
import { answersOf, haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-tiny-2026-'));
});
/** By model: f32, q8_0, and q8_0 beside the same weights unrounded. */
const table = new Map<string, (Nearness | null)[]>();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  printTable(table);
});

function note(name: string, type: string, beside: Nearness, exact: Nearness | null): void {
  const row = name.replace(`-${type}`, '');
  const [f32 = null, q8 = null, unrounded = null] = table.get(row) ?? [];
  table.set(row, type === 'f32' ? [beside, q8, unrounded] : [f32, beside, exact]);
}

/** llama.cpp's answers. In q8_0 it rounds activations to 8 bits; `exact` is what the weights say. */
const CASES = [
  ...['glm4moe', 'minimax-m2', 'mistral3', 'smollm3', 'ernie4_5-moe', 'bailingmoe2', 'gemma4-moe', 'gemma4-e'].flatMap(
    (name) => [`${name}-f32`, `${name}-q8_0`],
  ),
  'gemma4-e-f32-long',
  'lfm2-f32',
  'lfm2-q8_0',
  'qwen35-f32',
  'qwen35-f32-long',
  'qwen35-q8_0',
  'qwen3next-f32',
  'qwen3next-q8_0',
  'qwen3next-old-f32',
  'qwen3next-old-q8_0',
  'qwen4exp-f32',
  'qwen4exp-q8_0',
  'granitehybrid-f32',
  'granitehybrid-q8_0',
  'granitehybrid-moe-f32',
  'granitehybrid-moe-q8_0',
  'lfm2moe-f32',
  'lfm2moe-q8_0',
  'qwen35moe-f32',
  'qwen35moe-q8_0',
  'nemotron_h_moe-f32',
  'nemotron_h_moe-q8_0',
  'nemotron_h_moe-latent-f32',
  'nemotron_h_moe-latent-q8_0',
  'deepseek2-f32',
  'deepseek2-q8_0',
  'deepseek2-glm-f32',
  'deepseek2-glm-q8_0',
  'deepseek2-lite-f32',
  'deepseek2-lite-q8_0',
  'deepseek2-old-f32',
  'deepseek2-old-q8_0',
  'deepseek4-f32',
  'deepseek4-f32-long',
  'deepseek4-q8_0',
];

describe.skipIf(!haveTiny2026)(`a small random model of 2026${withoutTiny2026}`, () => {
  it.each(CASES)('%s predicts what llama.cpp does', async (name) => {
    const answers = answersOf(name);
    const file = writeTiny(folder, answers);
    const options = { cacheDir: join(folder, 'cache'), contextSize: 640, tuning: { state: 'f32' as const } };
    // Nothing is written but headers and vectors, where no matrix is made of rows from several places: dense layers
    // before experts are read in place, too.
    if (!/^(qwen3next|deepseek2-old)/.test(name))
      expect((await planModel(file, options)).conversion.needed).toBe(false);
    const model = await loadModel(file, options);
    try {
      const rows = await model.logprobs(answers.tokens, model.info.vocabSize);
      const near = (reference: typeof answers.top) => nearness(reference.map((row, i) => [rows[i], row]));
      const beside = near(answers.top);
      const exact = answers.exact ? near(answers.exact) : null;
      note(name, answers.type, beside, exact);
      // llama.cpp takes Gemma's GELU from a table of 16-bit floats.
      const byTable = name.startsWith('gemma4') ? 3 : 1;
      expect(beside.mean).toBeLessThan(answers.type === 'f32' ? 0.0005 * byTable : 0.05);
      if (answers.type === 'f32') expect(beside.worst).toBeLessThan(0.005 * byTable);
      if (exact) expect(exact.worst).toBeLessThan(0.005);
    } finally {
      await model.dispose();
    }
  });

  /**
   * A token sees 12 positions in whole blocks of 4, the best ones, and up to 3 that fill no block. So does the model's
   * own code. llama.cpp takes 15 at all times: where fewer than 3 fill no block, some of the next best block, which of
   * them is up to how the C++ library sorts. Up to the 15th token there is nothing to choose. With its choice in place
   * of ours, the differences are 0.0000.
   */
  it.each(['qwen4exp-sparse-f32', 'qwen4exp-sparse-q8_0'])('%s comes near llama.cpp, which sees more', async (name) => {
    const answers = answersOf(name);
    const reference = answers.exact ?? answers.top;
    const options = { cacheDir: join(folder, 'cache'), contextSize: 640, tuning: { state: 'f32' as const } };
    const model = await loadModel(writeTiny(folder, answers), options);
    try {
      const rows = await model.logprobs(answers.tokens, model.info.vocabSize);
      const near = (from: number, to: number) =>
        nearness(reference.slice(from, to).map((row, i) => [rows[from + i], row]));
      expect(near(0, 15).worst).toBeLessThan(0.005);
      // 0.053 and 0.055. To see all would be 0.10, to see one block 0.20.
      expect(near(15, 40).mean).toBeLessThan(0.07);
    } finally {
      await model.dispose();
    }
  });
});
