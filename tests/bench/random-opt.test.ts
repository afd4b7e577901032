import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomOpt } from '../../dist/bench/model/random-opt.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { loadModel } from '../../dist/src/index.js';
import { openStore } from '../../dist/src/store/reader.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-opt-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a random OPT', () => {
  it('loads as one of the shape asked for, with a selector for its neurons, and writes tokens', async () => {
    const path = join(folder, 'a');
    writeRandomOpt(path, SHAPES['tiny-opt'], 'f16');
    const model = await loadModel(path, { cacheDir: folder, contextSize: 64 });
    try {
      expect(model.info.architecture).toBe('opt');
      expect(openStore(model.info.path).spec).toMatchObject({ hiddenSize: 256, intermediateSize: 1024, gated: false });
      expect(model.info.selector).toBe('gate');
      const { tokens } = await model.generate([2, 300, 301], { maxTokens: 4, ignoreEos: true }).result;
      expect(tokens).toHaveLength(4);
      const rows = await model.logprobs([2, 300], 512);
      for (const [, lnp] of rows.flat()) expect(Number.isFinite(lnp)).toBe(true);
    } finally {
      await model.dispose();
    }
  });

  it('is the same for the same seed, and another for another', () => {
    const read = (name: string) => readFileSync(join(folder, name, 'model.safetensors'));
    writeRandomOpt(join(folder, 'b'), SHAPES['tiny-opt'], 'f16');
    writeRandomOpt(join(folder, 'c'), SHAPES['tiny-opt'], 'f16', 2);
    expect(read('b').equals(read('a'))).toBe(true);
    expect(read('c').equals(read('a'))).toBe(false);
  });
});
