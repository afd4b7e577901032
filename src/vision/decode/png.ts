import { createRequire } from 'node:module';
import { inflateSync } from 'node:zlib';
import type { PNG } from 'pngjs';
import { type CheckAborted, NEVER_ABORTED } from '../check-aborted.js';
import { type Picture, plainPicture } from './picture.js';
import { type PngChunk, type PngHeader, pngChunks, pngHeader } from './png-header.js';
import { damagedPicture } from './refusals.js';

/** Chunks that say what the pixels are. Others, such as transparency, times and profiles, change nothing of RGB. */
export const OF_PIXELS = ['IHDR', 'PLTE', 'IDAT', 'IEND'];
/** Samples of a pixel, by kind of colours. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const GREY = 0;

/**
 * The pixels as Pillow's `convert("RGB")` gives them: a palette is looked up, alpha is left out, 16-bit grey ends at
 * 255, and of other 16-bit samples the upper eight bits count. Throws CORRUPT.
 */
export function decodePng(bytes: Uint8Array, where: string, checkAborted: CheckAborted): Picture {
  const { header, data } = decodePngSamples(bytes, where, OF_PIXELS, checkAborted);
  checkAborted();
  const { width, height, depth, colour } = header;
  const clipped = colour === GREY && depth === 16;
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    for (let channel = 0; channel < 3; channel++) {
      const sample = data[from + channel];
      rgb[to + channel] = depth !== 16 ? sample : clipped ? Math.min(sample, 255) : sample >> 8;
    }
  }
  return plainPicture(width, height, rgb);
}

/**
 * Red, green, blue and alpha of each pixel, of 16-bit pictures in 16 bits. Only `chunks` are looked at. Throws CORRUPT.
 */
export function decodePngSamples(
  bytes: Uint8Array,
  where: string,
  chunks: readonly string[],
  checkAborted: CheckAborted = NEVER_ABORTED,
): { header: PngHeader; data: Uint8Array | Uint16Array } {
  const header = pngHeader(bytes, where);
  const kept: PngChunk[] = [];
  for (const chunk of pngChunks(bytes, where)) if (chunks.includes(chunk.type)) kept.push(chunk);
  checkInflated(Buffer.concat(kept.filter(({ type }) => type === 'IDAT').map(({ data }) => data)), header, where);
  checkAborted();
  const file = Buffer.concat([bytes.subarray(0, 8), ...kept.map(({ whole }) => whole)]);
  return { header, data: decode(file, header.depth === 16, where).data };
}

/** RGBA, of 16-bit pictures in 16 bits. */
function decode(file: Buffer, deep: boolean, where: string): { data: Uint8Array | Uint16Array } {
  // Loaded late: most models see no picture.
  const { PNG: Png } = createRequire(import.meta.url)('pngjs') as { PNG: typeof PNG };
  try {
    // The option is missing in the types of the package.
    return Png.sync.read(file, { checkCRC: true, skipRescale: deep } as object);
  } catch (cause) {
    throw damagedPicture(where, `cannot be decoded (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

/** Throws CORRUPT where the data is not as long as the header says: a small file can unpack to gigabytes. */
function checkInflated(data: Uint8Array, header: PngHeader, where: string): void {
  const expected = unpackedBytes(header);
  let found: number;
  try {
    found = inflateSync(data, { maxOutputLength: expected + 1 }).length;
  } catch (cause) {
    const larger = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw damagedPicture(where, larger ? `unpacks to more than its ${expected} bytes` : 'cannot be unpacked');
  }
  if (found < expected) throw damagedPicture(where, `unpacks to ${found} bytes in place of ${expected}`);
}

/** First column and row, and steps, of Adam7's seven passes. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Rows of samples, each with a byte that names its filter. */
function unpackedBytes({ width, height, depth, colour, interlaced }: PngHeader): number {
  const rows = (columns: number, lines: number) =>
    columns > 0 ? lines * (1 + Math.ceil((columns * SAMPLES[colour] * depth) / 8)) : 0;
  if (!interlaced) return rows(width, height);
  const passes = PASSES.map(([x, y, across, down]) =>
    rows(Math.ceil((width - x) / across), Math.max(0, Math.ceil((height - y) / down))),
  );
  return passes.reduce((sum, bytes) => sum + bytes, 0);
}
