import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { readHeader, uprightSize } from '../../dist/src/vision/decode/header.js';
import { openVision } from '../../dist/src/vision/open-vision.js';
import { haveSharedData, sharedJson, sharedPath, withoutSharedData } from '../support/shared-data.js';

interface Case {
  image: string | string[] | null;
  image_tokens: number;
  features?: { shape: number[]; first: number[]; mean: number; std: number };
}

const bridge = openBridge({ threads: 2 });
afterAll(() => bridge.dispose());

/** The right values are those of transformers 4.57.6 in f32: SOURCE.txt beside the files. */
describe.skipIf(!haveSharedData).each(['llava', 'smolvlm'])(`the tower of %s${withoutSharedData}`, (kind) => {
  const cases: Case[] = haveSharedData ? sharedJson(`vision/${kind}.json`).cases : [];

  it.each(cases.filter(({ image }) => image !== null))('sees $image as transformers does', (one) => {
    const model = openVision(sharedPath(`vision/${kind}`));
    const embedded = [one.image!].flat().map((name) => {
      const bytes = readFileSync(sharedPath(`vision/pictures/${name}`));
      const rows = model.embed(bridge, decodePicture(bytes, name), () => {});
      expect(model.tokens(uprightSize(readHeader(bytes, name))) * model.hiddenSize).toBe(rows.length);
      return rows;
    });
    const values = embedded.flatMap((rows) => [...rows]);
    const { shape, first, mean, std } = one.features!;
    expect(values.length).toBe(shape.reduce((product, size) => product * size, 1));
    expect(values.length).toBe(one.image_tokens * model.hiddenSize);
    for (const [i, value] of first.entries()) expect(Math.abs(values[i] - value)).toBeLessThan(1e-4);
    const found = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - found) ** 2, 0) / values.length);
    expect(Math.abs(found - mean)).toBeLessThan(1e-5);
    expect(Math.abs(spread - std)).toBeLessThan(1e-5);
  });

  it('stops where it is told to', () => {
    const bytes = readFileSync(sharedPath('vision/pictures/dot.png'));
    const stop = () => {
      throw new Error('enough');
    };
    const model = openVision(sharedPath(`vision/${kind}`));
    const picture = decodePicture(bytes, 'dot');
    expect(() => model.embed(bridge, picture, stop)).toThrow('enough');
    expect(() => decodePicture(bytes, 'dot', stop)).toThrow('enough');
    // At every step, of which decoding, resizing and each tile of each layer are some.
    let steps = 0;
    model.embed(bridge, picture, () => steps++);
    expect(steps).toBeGreaterThan(4);
    for (let last = 1; last < steps; last += 3) {
      let left = last;
      const later = () => left-- === 0 && stop();
      expect(() => model.embed(bridge, picture, later)).toThrow('enough');
    }
  });
});
