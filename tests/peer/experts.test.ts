import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
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

describe.skipIf(!isPeerRun)(`a random Qwen 3 mixture of experts${unlessPeerRun}`, () => {
  it.each([
    ['f32', 0.005],
    ['q8_0', 0.05],
    ['q4_0', 0.05],
    ['q4_1', 0.05],
  ] as const)('in %s predicts what llama.cpp does, within %d', async (format, tolerance) => {
    const shape = SHAPES['tiny-moe'];
    const path = join(folder, `${format}.gguf`);
    writeRandomGguf(path, shape, format);
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
    expect(differences.reduce((a, b) => a + b) / differences.length).toBeLessThan(tolerance);
  });
});
