import { halfToFloat } from './halves.js';

/*
 * GGML's blocks of one or two bits a weight without a grid, and NVFP4 (ggml-common.h, ggml-quants.c), one at a time
 * from `bytes[at..]` to `into[to..]`. Every product fits float32, so that no rounding comes in.
 */

const halfAt = (bytes: Uint8Array, at: number) => halfToFloat(bytes[at] | (bytes[at + 1] << 8));

/** A half, then 128 signs: a set bit is plus. */
export function decodeQ10(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 128; i++) into[to + i] = (bytes[at + 2 + (i >> 3)] >>> (i & 7)) & 1 ? scale : -scale;
}

/** A half, then 64 times two bits: -1, 0, 1 or 2. */
export function decodeQ20(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 64; i++) into[to + i] = scale * (((bytes[at + 2 + (i >> 2)] >>> (2 * (i & 3))) & 3) - 1);
}

/** 256 times two bits: -1, 0, 1 or 2. Each 32 bytes have four runs of 32 weights. A half follows. */
export function decodeTq20(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at + 64);
  for (let i = 0; i < 256; i++) {
    const byte = bytes[at + 32 * (i >> 7) + (i & 31)];
    into[to + i] = scale * (((byte >>> (2 * ((i >> 5) & 3))) & 3) - 1);
  }
}

/**
 * -1, 0 and 1 as digits of base 3. A byte is the fraction of 256 whose first digits they are, five of them: digit n is
 * the third in which 3^n times the byte falls, modulo 256. 32 bytes and 16 bytes have five runs of as many weights
 * each, and 4 bytes have four. A half follows.
 */
export function decodeTq10(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at + 52);
  let target = to;
  let from = at;
  for (const [size, digits] of [
    [32, 5],
    [16, 5],
    [4, 4],
  ]) {
    for (let n = 0; n < digits; n++)
      for (let i = 0; i < size; i++) into[target++] = scale * (((((bytes[from + i] * 3 ** n) & 255) * 3) >> 8) - 1);
    from += size;
  }
}

/** E2M1's values, doubled to be whole (OCP Microscaling Formats 1.0, table 5). */
const E2M1_DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/**
 * Half of an unsigned E4M3, for the doubled values. Its highest bit says nothing. As in ggml, not a number (0x7f) is 0.
 */
export function halfOfE4m3(byte: number): number {
  if (byte === 0x7f) return 0;
  const exponent = (byte >>> 3) & 15;
  const mantissa = byte & 7;
  return exponent === 0 ? mantissa * 2 ** -10 : (8 + mantissa) * 2 ** (exponent - 11);
}

/** Four scales, then 8 bytes for each 16 weights: low nibbles first. */
export function decodeNvfp4(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  for (let run = 0; run < 4; run++) {
    const scale = halfOfE4m3(bytes[at + run]);
    for (let i = 0; i < 8; i++) {
      const pair = bytes[at + 4 + 8 * run + i];
      into[to + 16 * run + i] = scale * E2M1_DOUBLED[pair & 15];
      into[to + 16 * run + 8 + i] = scale * E2M1_DOUBLED[pair >>> 4];
    }
  }
}
