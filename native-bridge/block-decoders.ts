import { decodeQ50, decodeQ51 } from './five-bit-blocks.js';
import type { ReadOnlyFormat } from './formats.js';
import { decodeIq4Nl, decodeIq4Xs } from './iq4-blocks.js';
import { decodeQ2K, decodeQ3K } from './low-bit-blocks.js';
import { decodeMxfp4, decodeQ4K, decodeQ5K, decodeQ6K } from './super-blocks.js';

/**
 * Decodes one block, `bytes[at..]` (any alignment), to `into[to..]`, in float32 arithmetic as GGML's reference does
 * (ggml-quants.c; the layouts are in ggml-common.h).
 */
export type DecodeBlock = (bytes: Uint8Array, at: number, into: Float32Array, to: number) => void;

export const BLOCK_DECODERS: Readonly<Record<Exclude<ReadOnlyFormat, 'bf16'>, DecodeBlock>> = {
  q5_0: decodeQ50,
  q5_1: decodeQ51,
  q2_K: decodeQ2K,
  q3_K: decodeQ3K,
  q4_K: decodeQ4K,
  q5_K: decodeQ5K,
  q6_K: decodeQ6K,
  iq4_nl: decodeIq4Nl,
  iq4_xs: decodeIq4Xs,
  mxfp4: decodeMxfp4,
};
