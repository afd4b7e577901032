import { halfAt } from './halves.js';

const { fround } = Math;

/** One weight of five bits. The fifth bits of 32 weights come first, then their nibbles: 16 low ones, 16 high ones. */
function fiveBits(bytes: Uint8Array, at: number, i: number): number {
  const fifth = ((bytes[at + (i >> 3)] >>> (i & 7)) & 1) << 4;
  return fifth | ((bytes[at + 4 + (i & 15)] >>> (i < 16 ? 0 : 4)) & 15);
}

export function decodeQ50(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) into[to + i] = scale * (fiveBits(bytes, at + 2, i) - 16);
}

export function decodeQ51(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  const minimum = halfAt(bytes, at + 2);
  for (let i = 0; i < 32; i++) into[to + i] = fround(scale * fiveBits(bytes, at + 4, i)) + minimum;
}
