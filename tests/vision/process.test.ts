import { describe, expect, it } from 'vitest';
import { Fields } from '../../dist/src/model/fields.js';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { cropProcessor } from '../../dist/src/vision/process/crop-processor.js';
import { gridProcessor } from '../../dist/src/vision/process/grid-processor.js';
import { tilesIn } from '../../dist/src/vision/process/processor.js';
import { cropped, resized } from '../../dist/src/vision/process/resize.js';
import { squashProcessor } from '../../dist/src/vision/process/squash-processor.js';
import { tileProcessor } from '../../dist/src/vision/process/tile-processor.js';
import { placeOf } from '../../dist/src/vision/tower/grid-positions.js';
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
      expect(rgbOf(resized(source, width, height, 'bicubic', { window }))).toEqual(rgbOf(whole));
    }
  });

  it('takes little memory for a window of a very long picture', () => {
    const line = { width: 1, height: 2 ** 24, data: new Uint8Array(3 * 2 ** 24), origin: 0, xStep: 3, yStep: 3 };
    const window = { left: 0, top: 2 ** 31, width: 336, height: 336 };
    expect(resized(line, 336, 336 * 2 ** 24, 'bicubic', { window })).toMatchObject({ width: 336, height: 336 });
  });
});

describe.each([
  ['square', cropProcessor],
  ['gemma', squashProcessor],
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

describe('the processor grid of transformers', () => {
  const config = golden.configs.grid;
  const processor = gridProcessor(Fields.of('preprocessor_config.json', config), Object.keys(config), 8);

  it.each(golden.cases)('makes the same of $name', ({ name, data, width, height, pixels: { grid } }) => {
    const { width: wide, height: high, pixels } = processor.prepare(decodePicture(bytesOf(data), name));
    expect(processor.sizeOf({ width, height })).toEqual({ width: wide, height: high });
    expect((wide / 8) * (high / 8)).toBeLessThanOrEqual(processor.mostSquares);
    // Patches in the order of squares of 2 x 2; in each the channels, two frames, and its rows.
    const patches: number[] = [];
    const grids = { rows: high / 4, columns: wide / 4 };
    for (let patch = 0; patch < grids.rows * grids.columns; patch++) {
      const { row, column } = placeOf(patch, grids, 2);
      for (let channel = 0; channel < 3; channel++)
        for (let frame = 0; frame < 2; frame++)
          for (let i = 0; i < 16; i++)
            patches.push(pixels[(channel * high + row * 4 + Math.floor(i / 4)) * wide + column * 4 + (i % 4)]);
    }
    expect(grid.shape).toEqual([patches.length / 96, 96]);
    expect(sha256(new Uint8Array(Float32Array.from(patches).buffer))).toBe(grid.sha256);
  });

  it('goes by the fields that its class goes by', () => {
    const size = { shortest_edge: 64 * 64, longest_edge: 64 * 64 };
    const of = (more: Record<string, unknown>) => {
      const fields = { size, ...more };
      return gridProcessor(Fields.of('p.json', fields), Object.keys(fields), 32).sizeOf({ width: 320, height: 320 });
    };
    expect(of({ image_processor_type: 'Qwen2VLImageProcessorFast' })).toEqual({ width: 64, height: 64 });
    expect(of({ image_processor_type: 'Qwen2VLImageProcessor' })).toEqual({ width: 320, height: 320 });
    expect(of({ image_processor_type: 'Qwen2VLImageProcessorFast', max_pixels: 128 ** 2 }).width).toBe(128);
    expect(() => of({ min_pixels: 9, max_pixels: 8 })).toThrow(/"min_pixels" is 9, more than the 8/);
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
    refused(cropProcessor, { do_pad: true }, /only "LlavaImageProcessor" pads/);
    refused(cropProcessor, { resample: 5 }, /"resample" is 5/);
    refused(cropProcessor, { image_mean: [1, 2] }, /three numbers/);
    refused(cropProcessor, { image_std: [1, 0, 1] }, /three numbers/);
    refused(cropProcessor, { size: { longest_edge: 3 } }, /"size"/);
    refused(cropProcessor, { crop_size: { height: 30, width: 28 } }, /takes 28 x 28/);
    refused(tileProcessor, { max_image_size: { longest_edge: 30 } }, /tiles of 28/);
  });

  it('pads no picture that is all too long', () => {
    const line = { width: 2, height: 2 ** 15, data: new Uint8Array(6 * 2 ** 15), origin: 0, xStep: 3, yStep: 6 };
    expect(() => made(cropProcessor, golden.configs.square).prepare(line)).toThrow(/16384 pixels at most/);
  });

  it('takes null for nothing', () => {
    expect(made(cropProcessor, { ...golden.configs.clip, do_pan_and_scan: null }).mostTiles).toBe(1);
  });
});
