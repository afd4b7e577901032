import { halfAt } from './halves.js';

const { fround } = Math;

/** The value of each four bits in IQ4 (ggml-common.h, kvalues_iq4nl). */
const IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** 32 weights in 16 bytes, low nibbles first. */
function fourBits(bytes: Uint8Array, at: number, step: number, into: Float32Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    into[to + i] = step * IQ4_VALUES[bytes[at + i] & 15];
    into[to + 16 + i] = step * IQ4_VALUES[bytes[at + i] >>> 4];
  }
}

export function decodeIq4Nl(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  fourBits(bytes, at + 2, halfAt(bytes, at), into, to);
}

/** One float, two high bits of each of eight scales, their four low bits, and the weights. */
export function decodeIq4Xs(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  const highs = bytes[at + 2] | (bytes[at + 3] << 8);
  for (let run = 0; run < 8; run++) {
    const low = (bytes[at + 4 + (run >> 1)] >>> (4 * (run & 1))) & 15;
    const high = (highs >>> (2 * run)) & 3;
    fourBits(bytes, at + 8 + 16 * run, fround(scale * ((low | (high << 4)) - 32)), into, to + 32 * run);
  }
}
