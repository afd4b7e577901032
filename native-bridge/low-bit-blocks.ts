import { halfAt } from './halves.js';

const { fround } = Math;

/** Two bits of weight i of 256. Each half of a block interleaves four runs of 32 weights. */
const twoBits = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + 32 * (i >> 7) + (i & 31)] >>> (2 * ((i >> 5) & 3))) & 3;

/** 16 bytes hold scale and minimum of 16 weights each, four bits each. The weights follow, then two floats. */
export function decodeQ2K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at + 80);
  const minimum = halfAt(bytes, at + 82);
  for (let run = 0; run < 16; run++) {
    const step = fround(scale * (bytes[at + run] & 15));
    const base = fround(minimum * (bytes[at + run] >>> 4));
    for (let i = 16 * run; i < 16 * run + 16; i++) into[to + i] = fround(step * twoBits(bytes, at + 16, i)) - base;
  }
}

/**
 * 32 bytes of third bits (set: 0, clear: -4), the other two bits of the weights, sixteen scales of six bits in twelve
 * bytes, and one float.
 */
export function decodeQ3K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at + 108);
  const packed = at + 96;
  for (let run = 0; run < 16; run++) {
    const low = (bytes[packed + (run & 7)] >>> (run < 8 ? 0 : 4)) & 15;
    const high = (bytes[packed + 8 + (run & 3)] >>> (2 * (run >> 2))) & 3;
    const step = fround(scale * ((low | (high << 4)) - 32));
    for (let i = 16 * run; i < 16 * run + 16; i++) {
      const third = (bytes[at + (i & 31)] >>> (i >> 5)) & 1;
      into[to + i] = step * (twoBits(bytes, at + 32, i) - (third ? 0 : 4));
    }
  }
}
