import { GRID_IQ1, GRID_IQ2_S, GRID_IQ2_XS, GRID_IQ2_XXS, GRID_IQ3_S, GRID_IQ3_XXS } from './grids.js';
import { halfToFloat } from './halves.js';

/*
 * GGML's blocks of 256 weights whose quants name points of a grid (ggml-common.h, ggml-quants.c), one at a time from
 * `bytes[at..]` to `into[to..]`. Every product fits float32, so that no rounding comes in.
 */

const halfAt = (bytes: Uint8Array, at: number) => halfToFloat(bytes[at] | (bytes[at + 1] << 8));
const wordAt = (bytes: Uint8Array, at: number) => bytes[at] | (bytes[at + 1] << 8);

/** Eight signs of which seven are kept: an even number of them is minus. */
function evenSigns(seven: number): number {
  let odd = 0;
  for (let bits = seven; bits !== 0; bits &= bits - 1) odd ^= 1;
  return seven | (odd << 7);
}

/** Weights of one point, those whose sign is set below zero. */
function putPoint(
  grid: Int8Array,
  point: number,
  size: 4 | 8,
  signs: number,
  step: number,
  into: Float32Array,
  to: number,
): void {
  for (let i = 0; i < size; i++) {
    const weight = step * grid[point * size + i];
    into[to + i] = (signs >>> i) & 1 ? -weight : weight;
  }
}

/** A half, then for each 32 weights four points and four times seven signs below a scale of four bits. */
export function decodeIq2Xxs(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let run = 0; run < 8; run++) {
    const points = at + 2 + 8 * run;
    const signs = wordAt(bytes, points + 4) | (wordAt(bytes, points + 6) << 16);
    const step = scale * (0.5 + (signs >>> 28)) * 0.25;
    for (let k = 0; k < 4; k++) {
      const eight = evenSigns((signs >>> (7 * k)) & 127);
      putPoint(GRID_IQ2_XXS, bytes[points + k], 8, eight, step, into, to + 32 * run + 8 * k);
    }
  }
}

/** A half, for each 8 weights nine bits of a point and seven of signs, then four bits of scale for each 16. */
export function decodeIq2Xs(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let k = 0; k < 32; k++) {
    const word = wordAt(bytes, at + 2 + 2 * k);
    const step = scale * (0.5 + nibble(bytes, at + 66, k >> 1)) * 0.25;
    putPoint(GRID_IQ2_XS, word & 511, 8, evenSigns(word >>> 9), step, into, to + 8 * k);
  }
}

/** A half, eight bits of each of 32 points, their signs, two more bits of each, and scales as in iq2_xs. */
export function decodeIq2S(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let k = 0; k < 32; k++) {
    const point = bytes[at + 2 + k] | (((bytes[at + 66 + (k >> 2)] >>> (2 * (k & 3))) & 3) << 8);
    const step = scale * (0.5 + nibble(bytes, at + 74, k >> 1)) * 0.25;
    putPoint(GRID_IQ2_S, point, 8, bytes[at + 34 + k], step, into, to + 8 * k);
  }
}

/** A half, 64 points of 4 weights, then for each 32 weights signs and scale as in iq2_xxs. */
export function decodeIq3Xxs(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let run = 0; run < 8; run++) {
    const signs = wordAt(bytes, at + 66 + 4 * run) | (wordAt(bytes, at + 68 + 4 * run) << 16);
    const step = scale * (0.5 + (signs >>> 28)) * 0.5;
    for (let k = 0; k < 8; k++) {
      const four = evenSigns((signs >>> (7 * (k >> 1))) & 127) >>> (4 * (k & 1));
      putPoint(GRID_IQ3_XXS, bytes[at + 2 + 8 * run + k], 4, four, step, into, to + 32 * run + 4 * k);
    }
  }
}

/** A half, eight bits of each of 64 points, their ninth bits, 256 signs, and four bits of scale for each 32 weights. */
export function decodeIq3S(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let k = 0; k < 64; k++) {
    const point = bytes[at + 2 + k] | (((bytes[at + 66 + (k >> 3)] >>> (k & 7)) & 1) << 8);
    const step = scale * (1 + 2 * nibble(bytes, at + 106, k >> 3));
    putPoint(GRID_IQ3_S, point, 4, bytes[at + 74 + (k >> 1)] >>> (4 * (k & 1)), step, into, to + 4 * k);
  }
}

/** Entry `i` of packed nibbles, the low one of a byte first. */
const nibble = (bytes: Uint8Array, at: number, i: number) => (bytes[at + (i >> 1)] >>> (4 * (i & 1))) & 15;

/** Weights of a point of -1, 0 and 1, all moved by an eighth. */
function putMoved(point: number, down: boolean, step: number, into: Float32Array, to: number): void {
  const moved = down ? -0.125 : 0.125;
  for (let i = 0; i < 8; i++) into[to + i] = step * (GRID_IQ1[8 * point + i] + moved);
}

/** A half, eight bits of 32 points, then for each 32 weights their other bits, a scale of three bits and the move. */
export function decodeIq1S(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let run = 0; run < 8; run++) {
    const high = wordAt(bytes, at + 34 + 2 * run);
    const step = scale * (2 * ((high >>> 12) & 7) + 1);
    for (let k = 0; k < 4; k++) {
      const point = bytes[at + 2 + 4 * run + k] | (((high >>> (3 * k)) & 7) << 8);
      putMoved(point, (high & 0x8000) !== 0, step, into, to + 32 * run + 8 * k);
    }
  }
}

/**
 * Eight bits of 32 points, four bits more of each (three of the point, and the move), then four words: three bits of
 * scale for each 16 weights, and above them four bits of the block's half.
 */
export function decodeIq1M(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scales = at + 48;
  let half = 0;
  for (let k = 0; k < 4; k++) half |= (wordAt(bytes, scales + 2 * k) >>> 12) << (4 * k);
  const scale = halfToFloat(half);
  for (let k = 0; k < 32; k++) {
    const run = k >> 1;
    const step = scale * (2 * ((wordAt(bytes, scales + 2 * (run >> 2)) >>> (3 * (run & 3))) & 7) + 1);
    const high = nibble(bytes, at + 32, k);
    putMoved(bytes[at + k] | ((high & 7) << 8), (high & 8) !== 0, step, into, to + 8 * k);
  }
}
