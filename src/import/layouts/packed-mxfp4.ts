import { FORMATS } from '../../../native-bridge/formats.js';

/*
 * MXFP4 in safetensors (OpenAI's gpt-oss; transformers, integrations/mxfp4.py). Byte j of a block's 16 holds weight 2j
 * in its low nibble and weight 2j + 1 in its high one. The scales are in another tensor. GGML's block (ggml-common.h,
 * block_mxfp4) begins with the scale, and its byte i holds weights i and i + 16. The bits are the same.
 */

const NIBBLE_BYTES = 16;
const { blockBytes } = FORMATS.mxfp4;

/** Fills `into` with nibbles, or with scales, from their byte `start` on. */
type Read = (start: number, into: Uint8Array) => void;

/** Fills `into` with GGML's bytes of a tensor from byte `start` on. Throws what the reads throw. */
export function readPackedMxfp4(readNibbles: Read, readScales: Read, start: number, into: Uint8Array): void {
  const first = Math.floor(start / blockBytes);
  const blocks = Math.ceil((start + into.length) / blockBytes) - first;
  const nibbles = Buffer.allocUnsafe(blocks * NIBBLE_BYTES);
  const scales = Buffer.allocUnsafe(blocks);
  readNibbles(first * NIBBLE_BYTES, nibbles);
  readScales(first, scales);
  if (into.length === blocks * blockBytes) {
    packMxfp4(nibbles, scales, into);
    return;
  }
  const packed = Buffer.allocUnsafe(blocks * blockBytes);
  packMxfp4(nibbles, scales, packed);
  const skipped = start - first * blockBytes;
  into.set(packed.subarray(skipped, skipped + into.length));
}

function packMxfp4(nibbles: Uint8Array, scales: Uint8Array, into: Uint8Array): void {
  for (let block = 0, from = 0, to = 0; block < scales.length; block++, from += NIBBLE_BYTES, to += blockBytes) {
    into[to] = scales[block];
    for (let j = 0; j < NIBBLE_BYTES / 2; j++) {
      const near = nibbles[from + j];
      const far = nibbles[from + NIBBLE_BYTES / 2 + j];
      into[to + 1 + 2 * j] = (near & 0x0f) | ((far & 0x0f) << 4);
      into[to + 2 + 2 * j] = (near >>> 4) | (far & 0xf0);
    }
  }
}
