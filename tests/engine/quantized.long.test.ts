import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertModel, loadModel } from '../../dist/src/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';

let cacheDir: string;
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-quantized-'));
});
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

/**
 * llama.cpp's own answers. It rounds activations to 8 bits where weights are quantized, which alone moves these models
 * by about 0.02; to bf16 for bf16.
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

/** Mean distance of ln p over the `top` likeliest that each answer lists. */
async function distance(file: string, tokens: number[], answers: [number, number][][], top: number): Promise<number> {
  const model = await loadModel(sharedPath(file), { cacheDir });
  try {
    const rows = await model.logprobs(tokens, model.info.vocabSize);
    let [sum, count] = [0, 0];
    for (const [i, answer] of answers.entries()) {
      const ours = new Map(rows[i]);
      for (const [id, lnp] of answer.slice(0, top)) {
        sum += Math.abs(ours.get(id)! - lnp);
        count += 1;
      }
    }
    expect(count).toBeGreaterThan(100);
    return sum / count;
  } finally {
    await model.dispose();
  }
}

describe.skipIf(!haveSharedData)(`a random Llama as llama.cpp quantizes it${withoutSharedData}`, () => {
  it.each(CASES)('predicts in %s what llama.cpp does, within %d', async (type, tolerance) => {
    const tokens: number[] = sharedJson('quantized/tokens.json');
    const answers: [number, number][][] = sharedJson(`quantized/llama-${type}.json`);
    expect(await distance(`quantized/llama-${type}.gguf`, tokens, answers, 8)).toBeLessThan(tolerance);
  });
});

interface Answers {
  tokens: number[];
  /** llama.cpp's, for the file's weights held as F32. */
  exact: [number, number][][];
}

/** Files by the main type of their tensors; those of `llama-odd` have rows that are no multiple of 256. */
const FILES = [
  'llama-Q5_1',
  ...['Q2_K', 'Q3_K_S', 'IQ4_XS'].flatMap((type) => [`llama-${type}`, `llama-odd-${type}`, `mixtral-${type}`]),
];

describe.skipIf(!haveSharedData)(`a file of low bits${withoutSharedData}`, () => {
  it.each(FILES)('predicts as %s held in F32 does, within 0.002, and nothing is requantized', async (name) => {
    const { tokens, exact }: Answers = sharedJson(`quantized-2026/${name}.json`);
    expect(await distance(`quantized-2026/${name}.gguf`, tokens, exact, 5)).toBeLessThan(0.002);
    const { requantized } = await convertModel(sharedPath(`quantized-2026/${name}.gguf`), join(cacheDir, name));
    expect(requantized).toEqual([]);
  });
});
