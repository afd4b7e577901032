import { halfToFloat } from '../../native-bridge/blocks.js';

const Q6_K_BYTES = 210;

/** bf16 is the upper half of a float32. */
export function decodeBf16(bytes: Uint8Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0, at = 0; at < bytes.length; i++, at += 2) bits[i] = (bytes[at] << 16) | (bytes[at + 1] << 24);
}

/**
 * GGML's q6_K (ggml-quants.c): per 256 weights, 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales and one half.
 * Each half of a block interleaves four runs of 32 weights.
 */
export function decodeQ6K(bytes: Uint8Array, into: Float32Array): void {
  let to = 0;
  for (let block = 0; block < bytes.length; block += Q6_K_BYTES) {
    const scale = halfToFloat(bytes[block + 208] | (bytes[block + 209] << 8));
    for (let half = 0; half < 2; half++, to += 128) {
      const low = block + 64 * half;
      const high = block + 128 + 32 * half;
      const scales = block + 192 + 8 * half;
      for (let run = 0; run < 4; run++) {
        for (let i = 0; i < 32; i++) {
          const nibbles = bytes[low + (run & 1) * 32 + i];
          const nibble = run < 2 ? nibbles & 15 : nibbles >>> 4;
          const pair = (bytes[high + i] >>> (2 * run)) & 3;
          const runScale = (bytes[scales + 2 * run + (i >>> 4)] << 24) >> 24;
          into[to + 32 * run + i] = Math.fround(scale * runScale) * ((nibble | (pair << 4)) - 32);
        }
      }
    }
  }
}
