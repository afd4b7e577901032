import type { Picture } from '../decode/picture.js';

/** What a processor does with samples: x * factor, then (x - mean) / deviation, for red, green and blue. */
export interface Normalization {
  factor: number;
  mean: readonly number[];
  deviation: readonly number[];
}

/**
 * Writes a picture to out[3, height, width] at `offset`, each colour's plane by itself: f32 arithmetic, as numpy's.
 * Where `left` and `top` are given, the picture is put there into planes of `width` x `height`; around it is what black
 * becomes.
 */
export function normalize(
  { data, origin, xStep, yStep, ...picture }: Picture,
  { factor, mean, deviation }: Normalization,
  out: Float32Array,
  offset: number,
  { left, top, width, height } = { left: 0, top: 0, width: picture.width, height: picture.height },
): void {
  for (let channel = 0; channel < 3; channel++) {
    const table = new Float32Array(256);
    const offMean = Math.fround(mean[channel]);
    const by = Math.fround(deviation[channel]);
    for (let sample = 0; sample < 256; sample++)
      table[sample] = Math.fround(Math.fround(Math.fround(sample * factor) - offMean) / by);
    const plane = offset + channel * width * height;
    if (picture.width !== width || picture.height !== height) out.fill(table[0], plane, plane + width * height);
    for (let y = 0; y < picture.height; y++) {
      const to = plane + (top + y) * width + left;
      const from = origin + y * yStep + channel;
      for (let x = 0; x < picture.width; x++) out[to + x] = table[data[from + x * xStep]];
    }
  }
}
