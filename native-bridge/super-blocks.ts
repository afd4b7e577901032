import { halfAt } from './halves.js';

/*
 * GGML's super-blocks of 256 weights (ggml-common.h, ggml-quants.c), and OCP's MXFP4, one block at a time from
 * `bytes[at..]` to `into[to..]`, in float32 arithmetic.
 */
const { fround } = Math;

/** The six-bit scale and minimum of run `run` (0 to 7) of 32 weights, packed into twelve bytes. */
const scaleOf = (packed: Uint8Array, at: number, run: number) =>
  run < 4 ? packed[at + run] & 63 : (packed[at + run + 4] & 15) | ((packed[at + run - 4] >>> 6) << 4);
const minimumOf = (packed: Uint8Array, at: number, run: number) =>
  run < 4 ? packed[at + run + 4] & 63 : (packed[at + run + 4] >>> 4) | ((packed[at + run] >>> 6) << 4);

/**
 * Two halves (scale, minimum), twelve bytes of scales and 128 of nibbles. A run has the low ones, and the next run the
 * high ones.
 */
export function decodeQ4K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  for (let run = 0; run < 8; run++) {
    const step = fround(scale * scaleOf(bytes, at + 4, run));
    const base = fround(minimum * minimumOf(bytes, at + 4, run));
    const quants = at + 16 + 32 * (run >> 1);
    const shift = 4 * (run & 1);
    for (let i = 0; i < 32; i++) into[to + 32 * run + i] = fround(step * ((bytes[quants + i] >>> shift) & 15)) - base;
  }
}

/** Like q4_K, with 32 bytes of fifth bits before the nibbles: bit `run` of byte i belongs to weight i of that run. */
export function decodeQ5K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
  for (let run = 0; run < 8; run++) {
    const step = fround(scale * scaleOf(bytes, at + 4, run));
    const base = fround(minimum * minimumOf(bytes, at + 4, run));
    const quants = at + 48 + 32 * (run >> 1);
    const shift = 4 * (run & 1);
    for (let i = 0; i < 32; i++) {
      const fifth = ((bytes[at + 16 + i] >>> run) & 1) << 4;
      into[to + 32 * run + i] = fround(step * (((bytes[quants + i] >>> shift) & 15) | fifth)) - base;
    }
  }
}

/**
 * 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales of 16 weights each, and one half. Each half of a
 * block interleaves four runs of 32 weights.
 */
export function decodeQ6K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at + 208);
  for (let half = 0; half < 2; half++) {
    const low = at + 64 * half;
    const high = at + 128 + 32 * half;
    const scales = at + 192 + 8 * half;
    for (let run = 0; run < 4; run++) {
      for (let i = 0; i < 32; i++) {
        const nibble = (bytes[low + (run & 1) * 32 + i] >>> (run < 2 ? 0 : 4)) & 15;
        const pair = (bytes[high + i] >>> (2 * run)) & 3;
        const runScale = (bytes[scales + 2 * run + (i >>> 4)] << 24) >> 24;
        into[to + 128 * half + 32 * run + i] = fround(scale * runScale) * ((nibble | (pair << 4)) - 32);
      }
    }
  }
}

/** The values of four bits in OCP Microscaling's E2M1, doubled to be whole (OCP Microscaling Formats 1.0, table 5). */
const E2M1_DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** A power of two in E8M0, then 32 weights in 16 bytes, low nibbles first. */
export function decodeMxfp4(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = 2 ** (bytes[at] - 128);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 1 + i];
    into[to + i] = scale * E2M1_DOUBLED[pair & 15];
    into[to + 16 + i] = scale * E2M1_DOUBLED[pair >>> 4];
  }
}
