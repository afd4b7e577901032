import { describe, expect, it } from 'vitest';
import { Fields } from '../../dist/src/model/fields.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { cropProcessor } from '../../dist/src/vision/process/crop-processor.js';
import { tilesIn } from '../../dist/src/vision/process/processor.js';
import { cropped, resized } from '../../dist/src/vision/process/resize.js';
import { tileProcessor } from '../../dist/src/vision/process/tile-processor.js';
import { bytesOf, golden, rgbOf, sha256 } from './golden.js';

const made = (make: typeof cropProcessor, config: Record<string, unknown>, size = 28) =>
  make(Fields.of('preprocessor_config.json', config), Object.keys(config), size);

describe('resampling', () => {
  const source = decodePicture(bytesOf(golden.resized.source), 'source');

  it.each(golden.resized.sizes)('to $width x $height, $filter, is that of Pillow', (one) => {
    expect(sha256(rgbOf(resized(source, one.width, one.height, one.filter)))).toBe(one.sha256);
  });

  it('gives a window of what the whole would be', () => {
    for (const [width, height] of [
      [43, 90],
      [90, 31],
      [20, 12],
      [43, 31],
      [130, 140],
    ]) {
      const window = { left: 3, top: 2, width: 11, height: 9 };
      const whole = cropped(resized(source, width, height, 'bicubic'), window);
      expect(rgbOf(resized(source, width, height, 'bicubic', window))).toEqual(rgbOf(whole));
    }
  });

  it('takes little memory for a window of a very long picture', () => {
    const line = { width: 1, height: 2 ** 24, data: new Uint8Array(3 * 2 ** 24), origin: 0, xStep: 3, yStep: 3 };
    const window = { left: 0, top: 2 ** 31, width: 336, height: 336 };
    expect(resized(line, 336, 336 * 2 ** 24, 'bicubic', window)).toMatchObject({ width: 336, height: 336 });
  });
});

describe.each([
  ['clip', cropProcessor],
  ['padded', cropProcessor],
  ['squashed', cropProcessor],
  ['tiled', tileProcessor],
  ['whole', tileProcessor],
] as const)('the processor %s of transformers', (kind, make) => {
  const processor = made(make, golden.configs[kind]);

  it.each(golden.cases)('makes the same of $name', ({ name, data, width, height, pixels }) => {
    const { pixels: found, tiles } = processor.prepare(decodePicture(bytesOf(data), name));
    const { shape, sha256: expected } = pixels[kind];
    expect([tiles, found.length]).toEqual([shape.at(-4), shape.reduce((product, size) => product * size, 1)]);
    expect(tilesIn(processor.cut({ width, height }))).toBe(tiles);
    expect(tiles).toBeLessThanOrEqual(processor.mostTiles);
    expect(sha256(new Uint8Array(found.buffer))).toBe(expected);
  });
});

describe('a processor', () => {
  const refused = (make: typeof cropProcessor, change: Record<string, unknown>, message: RegExp) =>
    expect(() => made(make, { ...golden.configs[make === cropProcessor ? 'clip' : 'tiled'], ...change })).toThrow(
      message,
    );

  it('refuses steps that it does not know', () => {
    refused(cropProcessor, { do_pan_and_scan: true }, /"do_pan_and_scan" is true, a step that is not known/);
    refused(tileProcessor, { do_crop: false }, /"do_crop"/);
    refused(cropProcessor, { do_resize: false }, /"do_resize" is false/);
    refused(cropProcessor, { do_pad: true }, /"do_pad"/);
    refused(cropProcessor, { resample: 5 }, /"resample" is 5/);
    refused(cropProcessor, { image_mean: [1, 2] }, /three numbers/);
    refused(cropProcessor, { image_std: [1, 0, 1] }, /three numbers/);
    refused(cropProcessor, { size: { longest_edge: 3 } }, /"size"/);
    refused(cropProcessor, { crop_size: { height: 30, width: 28 } }, /takes 28 x 28/);
    refused(tileProcessor, { max_image_size: { longest_edge: 30 } }, /tiles of 28/);
  });

  it('takes null for nothing', () => {
    expect(made(cropProcessor, { ...golden.configs.clip, do_pan_and_scan: null }).mostTiles).toBe(1);
  });
});
