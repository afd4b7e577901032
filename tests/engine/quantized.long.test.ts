import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';

let cacheDir: string;
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-quantized-'));
});
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

/**
 * llama.cpp rounds activations to 8 bits where weights are quantized, which alone moves these models by about 0.02; to
 * bf16 for bf16.
 */
const CASES: [string, number][] = [
  ['F32', 0.005],
  ['F16', 0.005],
  ['BF16', 0.01],
  ['Q8_0', 0.05],
  ['Q4_0', 0.05],
  ['Q4_1', 0.05],
  ['Q4_K_M', 0.05],
  ['Q5_K_M', 0.05],
  ['Q6_K', 0.05],
  ['Q5_0', 0.05],
  ['Q5_1', 0.05],
  ['Q2_K', 0.05],
  ['Q3_K_M', 0.05],
  ['IQ4_NL', 0.05],
  ['IQ4_XS', 0.05],
];

describe.skipIf(!haveSharedData)(`a random Llama as llama.cpp quantizes it${withoutSharedData}`, () => {
  it.each(CASES)('predicts in %s what llama.cpp does, within %d', async (type, tolerance) => {
    const tokens: number[] = sharedJson('quantized/tokens.json');
    const answers: [number, number][][] = sharedJson(`quantized/llama-${type}.json`);
    const model = await loadModel(sharedPath(`quantized/llama-${type}.gguf`), { cacheDir });
    try {
      const rows = await model.logprobs(tokens, model.info.vocabSize);
      let sum = 0;
      let count = 0;
      for (const [i, answer] of answers.entries()) {
        const ours = new Map(rows[i]);
        for (const [id, lnp] of answer) {
          sum += Math.abs(ours.get(id)! - lnp);
          count += 1;
        }
      }
      expect(count).toBeGreaterThan(100);
      expect(sum / count).toBeLessThan(tolerance);
    } finally {
      await model.dispose();
    }
  });
});
