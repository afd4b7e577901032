import { PNG } from 'pngjs';

/** A PNG of samples that are not alike, those of `noise` in tests/golden/transformers_vision.py. */
export function noise(width: number, height: number): Buffer {
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++)
    for (let channel = 0; channel < 4; channel++)
      png.data[4 * i + channel] = channel === 3 ? 255 : ((3 * i + channel) * 7919) % 256;
  return PNG.sync.write(png);
}
