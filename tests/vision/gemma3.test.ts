import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { loadModel, type Model } from '../../dist/src/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { golden, picture, writeGemma3 } from './gemma3-folder.js';
import { transformersGolden } from './transformers-golden.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-gemma3-'));
const path = join(folder, 'model');
afterAll(() => rmSync(folder, { recursive: true }));

describe('Gemma 3 with pictures', () => {
  let model: Model;
  beforeAll(async () => {
    writeGemma3(path);
    model = await loadModel(path, { memory: '100MB', cacheDir: folder, threads: 2, tuning: { state: 'f32' } });
  });
  afterAll(() => model.dispose());

  it.each([
    ['numpy', golden.features],
    ['PyTorch', transformersGolden.gemma3.features],
  ])('sees what %s sees', (_, features) => {
    const bridge = openBridge({ threads: 1 });
    try {
      const rows = openVision(path).embed(bridge, decodePicture(picture(), 'picture'), () => {});
      expect(rows).toHaveLength(features.length);
      for (const [i, value] of features.entries()) expect(Math.abs(rows[i] - value)).toBeLessThan(1e-4);
    } finally {
      bridge.dispose();
    }
  });

  const cases = [...golden.cases, ...transformersGolden.gemma3.cases];
  it.each(cases)('predicts what numpy and PyTorch predict: $ids.length tokens', async ({ ids, lnp }) => {
    const count = ids.filter((id) => id === golden.special.begin).length;
    const images = Array.from({ length: count }, picture);
    const rows = await model.logprobs(ids, golden.text.vocab, { images });
    for (const [at, row] of lnp.entries()) {
      const found = new Map(rows[at]);
      for (const [id, value] of row.entries()) expect(Math.abs(found.get(id)! - value)).toBeLessThan(1e-3);
    }
    // As a prompt that is generated from, and again with its beginning held.
    const best = rows.at(-1)![0][0];
    for (const _ of [1, 2]) {
      const { tokens } = await model.generate(ids, { images, maxTokens: 1, ignoreEos: true }).result;
      expect(tokens).toEqual([best]);
    }
  });

  it('writes a picture as transformers does', async () => {
    const ids = await model.tokenize('a<start_of_image>b', { images: [picture()] });
    const { begin, image, end } = golden.special;
    expect(ids.filter((id) => id >= begin)).toEqual([begin, ...new Array(golden.tokens).fill(image), end]);
  });
});
