import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { convertModel, examineModel, loadModel } from '../../dist/src/index.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { writeTinyModel } from '../support/tiny-hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-examine-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Weights in a safetensors file by its own header: the products of all shapes. */
function weightsIn(file: string): number {
  const bytes = readFileSync(file);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
  return Object.entries(header as Record<string, { shape: number[] }>)
    .filter(([name]) => name !== '__metadata__')
    .reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

describe('examineModel', () => {
  it('counts the weights of a mixture of experts, whose experts stay in the GGUF file', async () => {
    const path = join(folder, 'moe.gguf');
    writeRandomGguf(path, SHAPES['tiny-moe'], 'q8_0');
    const examined = await examineModel(path, { cacheDir: folder });
    // By the shape: 4 layers of hidden size 256, 8 heads of 64 and 4 for keys, 16 experts of 96; vocabulary 512.
    const attention = 256 * (8 + 4 + 4 + 8) * 64 + 2 * 64;
    const perLayer = attention + 16 * 256 + 16 * 3 * 96 * 256 + 2 * 256;
    expect(examined).toMatchObject({
      ...{ path, format: 'gguf', weightFormat: 'q8_0', architecture: 'qwen3-moe', streamsInPlace: true },
      ...{ contextLength: 512, vocabSize: 512, layers: 4, experts: 16, chatTemplate: null, samplingDefaults: {} },
      bytes: statSync(path).size,
      parameters: 2 * 512 * 256 + 4 * perLayer + 256,
    });
  });

  it.runIf(haveSharedData)(`says the same of a folder and of the store made of it${withoutSharedData}`, async () => {
    const source = sharedPath('models/tales');
    const store = join(folder, 'store');
    await convertModel(source, store);
    const [ofFolder, ofStore] = await Promise.all([examineModel(source), examineModel(store)]);
    expect(ofFolder).toMatchObject({
      ...{ format: 'huggingface', streamsInPlace: false, experts: 0 },
      parameters: weightsIn(join(source, 'model.safetensors')),
      contextLength: JSON.parse(readFileSync(join(source, 'config.json'), 'utf8')).max_position_embeddings,
    });
    const { path: _, format, bytes: __, streamsInPlace, ...same } = ofStore;
    expect([format, streamsInPlace]).toEqual(['store', true]);
    expect(ofFolder).toMatchObject(same);
    const model = await loadModel(store, { contextSize: 32 });
    try {
      const { weightFormat: ___, ...described } = same;
      expect(model.info).toMatchObject({ ...described, contextSize: 32 });
    } finally {
      await model.dispose();
    }
  });

  it('refuses what is no model, and unknown options', async () => {
    const tiny = mkdtempSync(join(folder, 'tiny-'));
    writeTinyModel(tiny);
    rmSync(join(tiny, 'config.json'));
    await expect(examineModel(tiny)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(examineModel(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(examineModel(tiny, { memory: 5 } as object)).rejects.toMatchObject({ code: 'BAD_USAGE' });
  });
});
