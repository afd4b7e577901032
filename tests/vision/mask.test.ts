import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { checkMask, readMask } from '../../dist/src/vision/regions/mask.js';
import { pixelsOf, writtenRegion } from '../../dist/src/vision/regions/region.js';

/** Red, green, blue and alpha of each pixel of a row. */
function png(pixels: number[][], options: object = {}): { name: string; bytes: Uint8Array } {
  const file = new PNG({ width: pixels.length, height: 1, ...options });
  file.data = Buffer.from(pixels.flat());
  return { name: 'mask.png', bytes: PNG.sync.write(file, options) };
}

const inside = (mask: Parameters<typeof readMask>[0]): number[] => {
  const { width, height, data, origin, xStep, yStep } = readMask(mask);
  const all: number[] = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) all.push(data[origin + x * xStep + y * yStep]);
  return all;
};

describe('a mask', () => {
  it('has the pixels that are neither black nor wholly transparent', () => {
    const drawn = png([
      [0, 0, 0, 255],
      [255, 255, 255, 255],
      [0, 0, 1, 255],
      [255, 255, 255, 0],
      [9, 0, 0, 1],
    ]);
    expect(inside(drawn)).toEqual([0, 1, 1, 0, 1]);
  });

  it('of 16 bits loses no faint sample', () => {
    const file = new PNG({ width: 2, height: 1 });
    const samples = Buffer.from(new Uint16Array([0, 0, 0, 65535, 0, 1, 0, 65535]).buffer);
    const options = { bitDepth: 16, colorType: 6, inputColorType: 6, width: 2, height: 1 } as const;
    file.data = samples;
    expect(inside({ name: 'deep.png', bytes: PNG.sync.write(file, options) })).toEqual([0, 1]);
  });

  it('is as large as its picture', () => {
    const mask = { width: 2, height: 3, data: new Uint8Array(6) };
    expect(() => checkMask(mask, { width: 3, height: 2 })).toThrow(/the mask has 2 x 3 pixels, and its picture 3 x 2/);
    expect(() => checkMask(png([[1, 1, 1, 255]]), { width: 2, height: 1 })).toThrow(/mask.png has 1 x 1 pixels/);
  });

  it('is a PNG', () => {
    const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0]);
    const size = { width: 1, height: 1 };
    expect(() => checkMask({ name: 'm.jpg', bytes: jpeg }, size)).toThrow(/m.jpg is a JPEG; a mask is a PNG/);
    expect(() => checkMask({ name: 'm.gif', bytes: Buffer.from('GIF89a') }, size)).toThrow(/is GIF/);
  });

  it('is not empty', () => {
    const size = { width: 1, height: 1 };
    const empty = { mask: png([[0, 0, 0, 255]]) };
    expect(() => pixelsOf(empty, size)).toThrow(/mask.png is empty/);
    expect(() => writtenRegion(empty, size)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
  });

  it('gives its pixels column by column, and is told by the box around it', () => {
    // . # #
    // # . #
    const mask = { width: 3, height: 2, data: Uint8Array.from([0, 1, 1, 1, 0, 1]) };
    const pixels = pixelsOf({ mask }, mask);
    const seen: number[][] = [];
    pixels.visit([0, 1, 3], (x, y) => seen.push([x, y]));
    expect([pixels.count, seen]).toEqual([
      4,
      [
        [0, 1],
        [1, 0],
        [2, 1],
      ],
    ]);
    expect(writtenRegion({ mask }, mask)).toBe('[0, 0, 666, 500]');
  });
});
