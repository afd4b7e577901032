import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type ModelShape, SHAPES } from '../../dist/bench/model/shapes.js';
import type { Row } from '../../dist/bench/table.js';
import type { WritableFormat } from '../../dist/native-bridge/formats.js';
import { loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { random } from '../store/support.js';
import { average, differences, type Predictions, printTable } from './divergence.js';
import { llamaLogprobs } from './llama-cpp.js';
import { isPeerRun, unlessPeerRun } from './suite.js';

/** SHAPES.tiny with fewer layers and key heads. */
const TINY: ModelShape = { ...SHAPES.tiny, numLayers: 2, numKeyValueHeads: 2, intermediateSize: 512 };
const VOCABULARY = TINY.vocabSize;
const TOP = 8;

/** llama.cpp rounds activations to 8 bits where weights are quantized, which alone moves these models by about 0.02. */
const TOLERANCES: Record<WritableFormat, number> = { f32: 0.005, f16: 0.005, q8_0: 0.05, q4_0: 0.05, q4_1: 0.05 };
const FORMATS = Object.keys(TOLERANCES) as WritableFormat[];

type Changes = Partial<ModelShape> & { seed: number };

const CASES: Record<string, Changes> = {
  'grouped heads, own head matrix, 512 neurons': { seed: 1 },
  'grouped heads, tied embeddings, 704 neurons': { seed: 2, tiedEmbeddings: true, intermediateSize: 704 },
  'a key head each, own head matrix, 704 neurons': { seed: 3, numKeyValueHeads: 8, intermediateSize: 704 },
  'a key head each, tied embeddings, 512 neurons': { seed: 4, numKeyValueHeads: 8, tiedEmbeddings: true },
};

/** What must not change a single probability, with the budget as the smallest one plus a share of the streamed half. */
const WAYS: (ModelOptions & { share: number })[] = [
  { share: 0 },
  { share: 0.5 },
  { share: 0.5, threads: 1 },
  { share: 0.5, tuning: { direct: false } },
  { share: 0, tuning: { selector: 'all', cache: 'lru' } },
  { share: 0.5, tuning: { selector: 'all', cache: 'lru' } },
  { share: 0.5, tuning: { selector: 'all', cache: 'window:2' } },
];

let folder: string;
const figures: Row[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-peer-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (isPeerRun) printTable(figures);
});

describe.skipIf(!isPeerRun)(`a random Llama${unlessPeerRun}`, () => {
  const cases = FORMATS.flatMap((format) => Object.keys(CASES).map((shape) => [format, shape] as const));

  it.each(cases)('in %s predicts what llama.cpp does: %s', async (format, shape) => {
    const { path, tokens } = randomModel(format, CASES[shape]);
    const expected = await llamaLogprobs(path, tokens, TOP);
    const found = differences(await predict(path, tokens, { memory: '256MB' }), expected).flat();
    const mean = average(found);
    figures.push({ format, shape, mean, worst: Math.max(...found) });
    expect(found).toHaveLength(tokens.length * TOP);
    expect(mean).toBeLessThan(TOLERANCES[format]);
  });

  it.each(FORMATS)('in %s predicts the same to the last bit at every budget and cache policy', async (format) => {
    const { path, tokens } = randomModel(format, { seed: 5, intermediateSize: 704 });
    const expected = await predict(path, tokens, { memory: '256MB' });
    for (const { share, ...options } of WAYS) {
      const { minimumBytes, ffnBytes } = await planModel(path, { ...options, memory: '256MB', cacheDir: folder });
      const memory = Math.ceil(minimumBytes + share * ffnBytes);
      expect(await predict(path, tokens, { ...options, memory }), JSON.stringify({ share, ...options })).toEqual(
        expected,
      );
    }
  });

  it('differs from another position by far more than the tolerance', async () => {
    const { path, tokens } = randomModel('q4_0', { seed: 6 });
    const [, ...shifted] = await llamaLogprobs(path, tokens, TOP);
    const rows = await predict(path, tokens, { memory: '256MB' });
    expect(average(differences(rows, shifted).flat())).toBeGreaterThan(5 * TOLERANCES.q4_0);
  });
});

function randomModel(format: WritableFormat, { seed, ...changes }: Changes): { path: string; tokens: number[] } {
  const path = join(folder, `${format}-${seed}.gguf`);
  writeRandomGguf(path, { ...TINY, ...changes }, format, { seed });
  const next = random(100 + seed);
  return { path, tokens: Array.from({ length: 40 }, () => Math.floor(next() * VOCABULARY)) };
}

async function predict(path: string, tokens: number[], options: ModelOptions): Promise<Predictions> {
  const model = await loadModel(path, { ...options, cacheDir: folder });
  try {
    return await model.logprobs(tokens, VOCABULARY);
  } finally {
    await model.dispose();
  }
}
