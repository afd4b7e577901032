import { FORMATS, rowBytes } from '../../dist/native-bridge/formats.js';
import { naiveHalf, type Random } from './support.js';

/** Formats that files bring and nothing here writes. */
export type ReadOnlyFormat = 'q4_K' | 'q5_K' | 'q6_K' | 'mxfp4';
export const READ_ONLY: readonly ReadOnlyFormat[] = ['q4_K', 'q5_K', 'q6_K', 'mxfp4'];

/** The six-bit scale (and minimum, from the same twelve bytes) of a run, bit by bit as ggml-quants.c lays them out. */
function sixBits(packed: Uint8Array, run: number, minimum: boolean): number {
  const offset = minimum ? 4 : 0;
  if (run < 4) return packed[run + offset] % 64;
  const low = minimum ? Math.floor(packed[run + 4] / 16) : packed[run + 4] % 16;
  return low + 16 * Math.floor(packed[run - 4 + offset] / 64);
}

/** OCP Microscaling Formats 1.0, table 5: the values of E2M1 in order of their bits. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Weight `i` of a block, by the formats' descriptions, in doubles. */
function naiveBlockWeight(format: ReadOnlyFormat, block: Uint8Array, i: number): number {
  if (format === 'mxfp4') {
    const byte = block[1 + (i % 16)];
    return 2 ** (block[0] - 127) * E2M1[i < 16 ? byte % 16 : Math.floor(byte / 16)];
  }
  if (format === 'q6_K') {
    const inHalf = i % 128;
    const nibble = (block[64 * (i >> 7) + (inHalf % 64)] >> (inHalf < 64 ? 0 : 4)) & 15;
    const high = (block[128 + 32 * (i >> 7) + (i % 32)] >> (2 * (inHalf >> 5))) & 3;
    return (
      naiveHalf(block[208] + 256 * block[209]) * new Int8Array([block[192 + (i >> 4)]])[0] * (nibble + 16 * high - 32)
    );
  }
  const run = i >> 5;
  const packed = block.subarray(4, 16);
  const quants = block.subarray(format === 'q4_K' ? 16 : 48);
  const byte = quants[32 * (run >> 1) + (i % 32)];
  let q = run % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
  if (format === 'q5_K') q += 16 * ((block[16 + (i % 32)] >> run) & 1);
  const scale = naiveHalf(block[0] + 256 * block[1]) * sixBits(packed, run, false);
  return scale * q - naiveHalf(block[2] + 256 * block[3]) * sixBits(packed, run, true);
}

/** Any bits, with scales of ordinary size. */
export function randomBlocks(random: Random, format: ReadOnlyFormat, columns: number): Uint8Array {
  const bytes = new Uint8Array(rowBytes(format, columns)).map(() => random.below(256));
  const { blockBytes } = FORMATS[format];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (format === 'mxfp4') bytes[at] = 120 + random.below(8);
    // Halves between 2^-7 and 2^-3, of either sign.
    const halves = format === 'q6_K' ? [208] : format === 'mxfp4' ? [] : [0, 2];
    for (const place of halves) bytes[at + place + 1] = (random.below(2) << 7) | (0x20 + random.below(16));
  }
  return bytes;
}

/** A row's weights, as naiveBlockWeight. */
export function naiveBlocks(format: ReadOnlyFormat, row: Uint8Array, columns: number): number[] {
  const { blockSize, blockBytes } = FORMATS[format];
  return Array.from({ length: columns }, (_, i) => {
    const at = Math.floor(i / blockSize) * blockBytes;
    return naiveBlockWeight(format, row.subarray(at, at + blockBytes), i % blockSize);
  });
}
