import { FORMATS, type RowFormat } from '../../../native-bridge/formats.js';

/** The places of a block's floats (scale, minimum), counted in 16-bit halves from its start. */
const HALVES: Readonly<Record<Exclude<RowFormat, 'f32' | 'mxfp4'>, readonly number[]>> = {
  f16: [0],
  q8_0: [0],
  q4_0: [0],
  q4_1: [0, 1],
  q5_0: [0],
  q5_1: [0, 1],
  q2_K: [40, 41],
  q3_K: [54],
  q4_K: [0, 1],
  q5_K: [0, 1],
  q6_K: [104],
  iq4_nl: [0],
  iq4_xs: [0],
  bf16: [0],
};

/**
 * Index of the first weight that is NaN or infinite, or -1. For block formats it is the first weight of a block with
 * such a scale or minimum. `bytes` holds whole weights or blocks and begins at a multiple of 4 (f32) or 2 (others) in
 * its buffer. The test looks at exponents only: all ones mean NaN or infinity.
 */
export function findNotFinite(format: RowFormat, bytes: Uint8Array): number {
  if (format === 'f32') {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let i = 0; i < words.length; i++) if ((words[i] & 0x7f800000) === 0x7f800000) return i;
    return -1;
  }
  // An exponent of all ones is E8M0's NaN.
  if (format === 'mxfp4') return findByte(bytes, 0xff) * FORMATS.mxfp4.blockSize;
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const exponent = format === 'bf16' ? 0x7f80 : 0x7c00;
  const { blockSize, blockBytes } = FORMATS[format];
  let first = -1;
  for (const place of HALVES[format]) {
    const block = findExponent(halves, place, blockBytes / 2, exponent);
    if (block >= 0 && (first < 0 || block < first)) first = block;
  }
  return first * (first < 0 ? 1 : blockSize);
}

/** Index of the first block that begins with `value`, or a negative number. */
function findByte(bytes: Uint8Array, value: number): number {
  const { blockBytes, blockSize } = FORMATS.mxfp4;
  for (let at = 0; at < bytes.length; at += blockBytes) if (bytes[at] === value) return at / blockBytes;
  return -1 / blockSize;
}

/** Steps from `place` to the first value with all bits of `exponent` set, or -1. */
function findExponent(halves: Uint16Array, place: number, step: number, exponent: number): number {
  for (let i = place, index = 0; i < halves.length; i += step, index++) {
    if ((halves[i] & exponent) === exponent) return index;
  }
  return -1;
}
