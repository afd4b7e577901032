import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { answersOf, differences, haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-tiny-2026-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** llama.cpp's answers. In q8_0 it rounds activations to 8 bits; `exact` is what the weights say. */
const CASES = [
  'lfm2-f32',
  'lfm2-q8_0',
  'qwen35-f32',
  'qwen35-f32-long',
  'qwen35-q8_0',
  'qwen3next-f32',
  'qwen3next-q8_0',
  'qwen3next-old-f32',
  'qwen3next-old-q8_0',
];

describe.skipIf(!haveTiny2026)(`a small random model of 2026${withoutTiny2026}`, () => {
  it.each(CASES)('%s predicts what llama.cpp does', async (name) => {
    const answers = answersOf(name);
    const model = await loadModel(writeTiny(folder, answers), {
      cacheDir: join(folder, 'cache'),
      contextSize: 640,
      tuning: { state: 'f32' },
    });
    try {
      const rows = await model.logprobs(answers.tokens, model.info.vocabSize);
      const { mean, worst } = differences(rows, answers.top);
      expect(mean).toBeLessThan(answers.type === 'f32' ? 0.0005 : 0.05);
      if (answers.type === 'f32') expect(worst).toBeLessThan(0.005);
      if (answers.exact) expect(differences(rows, answers.exact).worst).toBeLessThan(0.005);
    } finally {
      await model.dispose();
    }
  });
});
