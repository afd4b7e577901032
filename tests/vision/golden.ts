import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Picture } from '../../dist/src/vision/decode/picture.js';

interface Pixels {
  shape: number[];
  sha256: string;
}

/** What Pillow and transformers made of odd pictures; tests/golden/pictures.py says how. */
export const golden: {
  configs: Record<string, Record<string, unknown>>;
  cases: { name: string; data: string; width: number; height: number; rgb: string; pixels: Record<string, Pixels> }[];
  resized: {
    source: string;
    sizes: { width: number; height: number; filter: 'lanczos' | 'bilinear' | 'bicubic'; sha256: string }[];
  };
  cmyk: string;
} = JSON.parse(readFileSync(new URL('../golden/pictures.json', import.meta.url), 'utf8'));

export const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64');
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The pixels of a picture, row by row. */
export function rgbOf({ width, height, data, origin, xStep, yStep }: Picture): Uint8Array {
  const rgb: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = origin + x * xStep + y * yStep;
      rgb.push(data[at], data[at + 1], data[at + 2]);
    }
  return Uint8Array.from(rgb);
}
