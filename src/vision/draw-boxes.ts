import { createRequire } from 'node:module';
import type { PNG } from 'pngjs';
import type { GroundedBox } from './boxes.js';
import type { Picture } from './decode/picture.js';

/**
 * Red, green and blue, one after the other for boxes of other words: told apart on most pictures, and by the
 * colour-blind.
 */
const COLOURS = [
  [230, 25, 75],
  [0, 130, 200],
  [255, 225, 25],
  [60, 180, 75],
  [240, 50, 230],
  [245, 130, 48],
] as const;

/** A picture's shorter side holds so many widths of a line. */
const WIDTHS = 150;
const LEAST_WIDTH = 2;

/** A PNG of the picture with the boxes' frames in it. Boxes of the same words have the same colour. */
export function drawBoxes(picture: Picture, boxes: readonly GroundedBox[]): Uint8Array {
  const { width, height, data, origin, xStep, yStep } = picture;
  // Loaded late: most models see no picture.
  const { PNG: Png } = createRequire(import.meta.url)('pngjs') as { PNG: typeof PNG };
  const png = new Png({ width, height });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = origin + x * xStep + y * yStep;
      png.data.set([data[from], data[from + 1], data[from + 2], 255], 4 * (y * width + x));
    }
  const words = [...new Set(boxes.map(({ text }) => text))];
  const line = Math.max(LEAST_WIDTH, Math.round(Math.min(width, height) / WIDTHS));
  for (const { text, box } of boxes) drawFrame(png, box, line, COLOURS[words.indexOf(text) % COLOURS.length]);
  return Png.sync.write(png);
}

/** The frame lies within its box. What of it is outside of the picture is left out. */
function drawFrame(png: PNG, [x1, y1, x2, y2]: GroundedBox['box'], line: number, colour: readonly number[]): void {
  const inside = (value: number, end: number) => Math.min(end - 1, Math.max(0, Math.round(value)));
  const [left, right] = [inside(Math.min(x1, x2), png.width), inside(Math.max(x1, x2), png.width)];
  const [top, bottom] = [inside(Math.min(y1, y2), png.height), inside(Math.max(y1, y2), png.height)];
  const fill = (fromX: number, toX: number, fromY: number, toY: number) => {
    for (let y = fromY; y <= toY; y++) for (let x = fromX; x <= toX; x++) png.data.set(colour, 4 * (y * png.width + x));
  };
  const thick = line - 1;
  fill(left, right, top, Math.min(bottom, top + thick));
  fill(left, right, Math.max(top, bottom - thick), bottom);
  fill(left, Math.min(right, left + thick), top, bottom);
  fill(Math.max(left, right - thick), right, top, bottom);
}
