import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertModel, loadModel } from '../../dist/src/index.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';

let cacheDir: string;
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-exact-'));
});
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

interface Answers {
  tokens: number[];
  /** For each token the 8 likeliest that follow, [id, natural-log probability], from the weights held as floats. */
  exact: [number, number][][];
}

const FILES = haveSharedData
  ? readdirSync(sharedPath('quantized-2026'))
      .filter((name) => name.endsWith('.gguf'))
      .map((name) => name.slice(0, -'.gguf'.length))
  : ['a model'];

/** llama.cpp's answers from the same weights, decoded to floats first (SOURCE.txt there). */
describe.skipIf(!haveSharedData)(`a random model in llama.cpp's formats${withoutSharedData}`, () => {
  it.each(FILES)('%s predicts within 0.002 what its weights say', async (name) => {
    const { tokens, exact } = sharedJson(`quantized-2026/${name}.json`) as Answers;
    const model = await loadModel(sharedPath(`quantized-2026/${name}.gguf`), { cacheDir });
    try {
      const rows = await model.logprobs(tokens, model.info.vocabSize);
      let sum = 0;
      let count = 0;
      for (const [i, answer] of exact.entries()) {
        const ours = new Map(rows[i]);
        for (const [id, lnp] of answer.slice(0, 5)) {
          sum += Math.abs(ours.get(id)! - lnp);
          count++;
        }
      }
      expect(count).toBeGreaterThan(100);
      expect(sum / count).toBeLessThan(0.002);
    } finally {
      await model.dispose();
    }
  });

  it.each(FILES)('%s is converted without another format', async (name) => {
    const store = join(cacheDir, `${name}.flashrow`);
    const { requantized } = await convertModel(sharedPath(`quantized-2026/${name}.gguf`), store);
    expect(requantized).toEqual([]);
  });
});
