import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { type ModelShape, SHAPES } from '../../dist/bench/model/shapes.js';
import type { RowFormat } from '../../dist/native-bridge/formats.js';
import { loadModel } from '../../dist/src/index.js';
import { random } from '../store/support.js';
import { llamaLogprobs } from './llama-cpp.js';
import { isPeerRun, unlessPeerRun } from './suite.js';

const TOP = 8;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-peer-experts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Small, and of sizes that no two of a family's tensors share. */
const DENSE: ModelShape = { ...SHAPES.tiny, numLayers: 3 };
const MIXTURE: ModelShape = { ...SHAPES['tiny-moe'], numLayers: 3 };
const FAMILIES: [ModelShape['family'], ModelShape][] = [
  ['qwen3-moe', MIXTURE],
  ['qwen2-moe', { ...MIXTURE, headDim: 32 }],
  ['olmoe', { ...MIXTURE, headDim: 32, numKeyValueHeads: 8 }],
  ['mixtral', { ...MIXTURE, headDim: 32 }],
  ['qwen2', DENSE],
  ['qwen3', { ...DENSE, headDim: 64 }],
  ['falcon', { ...DENSE, numKeyValueHeads: 1 }],
  ['falcon-40b', DENSE],
];

/** f32 first: its tolerance leaves no room for another model's arithmetic. llama.cpp rounds activations to 8 bits where weights are quantized. */
const FORMATS: [RowFormat, number][] = [
  ['f32', 0.005],
  ['q8_0', 0.05],
  ['q4_0', 0.05],
];
/** Experts in MXFP4 as well, the rest in q8_0: what gpt-oss brought. */
const shapeFormats = (family: string): [RowFormat, number][] =>
  family === 'qwen3-moe' ? [...FORMATS, ['mxfp4', 0.05]] : FORMATS;

describe.skipIf(!isPeerRun).each(FAMILIES)(`a random %s${unlessPeerRun}`, (family, sketch) => {
  it.each(shapeFormats(family))('in %s predicts what llama.cpp does, within %d', async (format, tolerance) => {
    const shape = { ...sketch, family };
    const path = join(folder, `${family}-${format}.gguf`);
    writeRandomGguf(path, shape, format === 'mxfp4' ? 'q8_0' : format, undefined, 1, format);
    const next = random(11);
    const tokens = Array.from({ length: 40 }, () => Math.floor(next() * shape.vocabSize));
    const expected = await llamaLogprobs(path, tokens, TOP);
    const model = await loadModel(path, { memory: '256MB', cacheDir: folder });
    const rows = await model.logprobs(tokens, shape.vocabSize);
    await model.dispose();
    const differences = expected.flatMap((row, i) => {
      const ours = new Map(rows[i]);
      return row.map(([id, lnp]) => Math.abs(ours.get(id)! - lnp));
    });
    expect(differences).toHaveLength(tokens.length * TOP);
    const mean = differences.reduce((a, b) => a + b) / differences.length;
    console.log(`${family} ${format}: mean |d ln p| ${mean.toFixed(4)}`);
    expect(mean).toBeLessThan(tolerance);
  });
});
