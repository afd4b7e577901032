import { FORMATS, type ReadOnlyFormat, rowBytes } from '../../dist/native-bridge/formats.js';
import { naiveHalf, type Random } from './support.js';

export type { ReadOnlyFormat };

/** Formats that files bring and nothing here writes, with the places of the halves in a block. */
const HALVES: Readonly<Record<ReadOnlyFormat, readonly number[]>> = {
  q5_0: [0],
  q5_1: [0, 2],
  q2_K: [80, 82],
  q3_K: [108],
  q4_K: [0, 2],
  q5_K: [0, 2],
  q6_K: [208],
  iq4_nl: [0],
  iq4_xs: [0],
  bf16: [],
  mxfp4: [],
};
export const READ_ONLY = Object.keys(HALVES) as ReadOnlyFormat[];

/** The six-bit scale (and minimum, from the same twelve bytes) of a run, bit by bit as ggml-quants.c lays them out. */
function sixBits(packed: Uint8Array, run: number, minimum: boolean): number {
  const offset = minimum ? 4 : 0;
  if (run < 4) return packed[run + offset] % 64;
  const low = minimum ? Math.floor(packed[run + 4] / 16) : packed[run + 4] % 16;
  return low + 16 * Math.floor(packed[run - 4 + offset] / 64);
}

/** OCP Microscaling Formats 1.0, table 5: the values of E2M1 in order of their bits. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** ggml-common.h, kvalues_iq4nl. */
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

const bitOf = (bytes: Uint8Array, i: number) => Math.floor(bytes[i >> 3] / 2 ** (i % 8)) % 2;
const halfOf = (block: Uint8Array, at: number) => naiveHalf(block[at] + 256 * block[at + 1]);
/** Nibble `i` of 32, whose low ones come first. */
const nibbleOf = (bytes: Uint8Array, i: number) => (i < 16 ? bytes[i] % 16 : Math.floor(bytes[i - 16] / 16));
/** Two bits of weight `i`: four runs of 32 share 32 bytes. */
const pairOf = (bytes: Uint8Array, i: number) =>
  Math.floor(bytes[32 * Math.floor(i / 128) + (i % 32)] / 4 ** (Math.floor(i / 32) % 4)) % 4;

/** Weight `i` of a block, by the formats' descriptions, in doubles. */
const NAIVE: Readonly<Record<ReadOnlyFormat, (block: Uint8Array, i: number) => number>> = {
  q5_0: (block, i) => halfOf(block, 0) * (nibbleOf(block.subarray(6), i) + 16 * bitOf(block.subarray(2, 6), i) - 16),
  q5_1: (block, i) =>
    halfOf(block, 0) * (nibbleOf(block.subarray(8), i) + 16 * bitOf(block.subarray(4, 8), i)) + halfOf(block, 2),
  q2_K(block, i) {
    const byte = block[i >> 4];
    return halfOf(block, 80) * (byte % 16) * pairOf(block.subarray(16), i) - halfOf(block, 82) * Math.floor(byte / 16);
  },
  q3_K(block, i) {
    const run = i >> 4;
    const low = Math.floor(block[96 + (run % 8)] / 16 ** (run >> 3)) % 16;
    const high = Math.floor(block[104 + (run % 4)] / 4 ** (run >> 2)) % 4;
    const third = bitOf(block.subarray(i % 32), i >> 5);
    return halfOf(block, 108) * (low + 16 * high - 32) * (pairOf(block.subarray(32), i) - (third === 1 ? 0 : 4));
  },
  q4_K: naiveFourOrFive,
  q5_K: naiveFourOrFive,
  q6_K(block, i) {
    const inHalf = i % 128;
    const nibble = (block[64 * (i >> 7) + (inHalf % 64)] >> (inHalf < 64 ? 0 : 4)) & 15;
    const high = (block[128 + 32 * (i >> 7) + (i % 32)] >> (2 * (inHalf >> 5))) & 3;
    return halfOf(block, 208) * new Int8Array([block[192 + (i >> 4)]])[0] * (nibble + 16 * high - 32);
  },
  iq4_nl: (block, i) => halfOf(block, 0) * IQ4[nibbleOf(block.subarray(2), i)],
  iq4_xs(block, i) {
    const run = i >> 5;
    const low = Math.floor(block[4 + (run >> 1)] / 16 ** (run % 2)) % 16;
    const high = Math.floor((block[2] + 256 * block[3]) / 4 ** run) % 4;
    return halfOf(block, 0) * (low + 16 * high - 32) * IQ4[nibbleOf(block.subarray(8 + 16 * run), i % 32)];
  },
  bf16: (block) => Buffer.from([0, 0, block[0], block[1]]).readFloatLE(),
  mxfp4: (block, i) => 2 ** (block[0] - 127) * E2M1[nibbleOf(block.subarray(1), i)],
};

function naiveFourOrFive(block: Uint8Array, i: number): number {
  const run = i >> 5;
  const packed = block.subarray(4, 16);
  const five = block.length === FORMATS.q5_K.blockBytes;
  const byte = block[(five ? 48 : 16) + 32 * (run >> 1) + (i % 32)];
  let q = run % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
  if (five) q += 16 * ((block[16 + (i % 32)] >> run) & 1);
  return halfOf(block, 0) * sixBits(packed, run, false) * q - halfOf(block, 2) * sixBits(packed, run, true);
}

/** Any bits, with scales of ordinary size. */
export function randomBlocks(random: Random, format: ReadOnlyFormat, columns: number): Uint8Array {
  const bytes = new Uint8Array(rowBytes(format, columns)).map(() => random.below(256));
  const { blockBytes } = FORMATS[format];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (format === 'mxfp4') bytes[at] = 120 + random.below(8);
    // Between 2^-9 and 2^7, of either sign.
    if (format === 'bf16') bytes[at + 1] = (random.below(2) << 7) | (0x3b + random.below(8));
    // Halves between 2^-7 and 2^-3, of either sign.
    for (const place of HALVES[format]) bytes[at + place + 1] = (random.below(2) << 7) | (0x20 + random.below(16));
  }
  return bytes;
}

/** A row's weights, as the formats' descriptions have them. */
export function naiveBlocks(format: ReadOnlyFormat, row: Uint8Array, columns: number): number[] {
  const { blockSize, blockBytes } = FORMATS[format];
  return Array.from({ length: columns }, (_, i) => {
    const at = Math.floor(i / blockSize) * blockBytes;
    return NAIVE[format](row.subarray(at, at + blockBytes), i % blockSize);
  });
}
