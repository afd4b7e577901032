import { HALVES } from '../../native-bridge/halves.js';

/*
 * GGML's types without a kernel here. They are decoded when they are read, in float32 arithmetic, as ggml-quants.c
 * does. The layouts are in ggml-common.h.
 */

export type ForeignFormat = 'bf16' | 'q5_0' | 'q5_1' | 'q2_K' | 'q3_K' | 'iq4_nl' | 'iq4_xs';

export interface ForeignTraits {
  /** Weights in one block. A row holds whole blocks. */
  blockSize: number;
  blockBytes: number;
  /** The places of a block's floats (scale, minimum), counted in 16-bit halves from its start. */
  halves: readonly number[];
  /** Decodes whole blocks to the start of `into`. */
  decode(bytes: Uint8Array, into: Float32Array): void;
}

/** Decodes one block, `bytes[at..]`, to `into[to..]`. */
type DecodeBlock = (bytes: Uint8Array, at: number, into: Float32Array, to: number) => void;

export const FOREIGN_FORMATS: Readonly<Record<ForeignFormat, ForeignTraits>> = {
  bf16: { blockSize: 1, blockBytes: 2, halves: [0], decode: decodeBf16 },
  q5_0: inBlocks(32, 22, [0], decodeQ50),
  q5_1: inBlocks(32, 24, [0, 1], decodeQ51),
  q2_K: inBlocks(256, 84, [40, 41], decodeQ2K),
  q3_K: inBlocks(256, 110, [54], decodeQ3K),
  iq4_nl: inBlocks(32, 18, [0], decodeIq4Nl),
  iq4_xs: inBlocks(256, 136, [0], decodeIq4Xs),
};

function inBlocks(
  blockSize: number,
  blockBytes: number,
  halves: readonly number[],
  decode: DecodeBlock,
): ForeignTraits {
  return {
    blockSize,
    blockBytes,
    halves,
    decode(bytes, into) {
      for (let at = 0, to = 0; at < bytes.length; at += blockBytes, to += blockSize) decode(bytes, at, into, to);
    },
  };
}

const { fround } = Math;
const halfAt = (bytes: Uint8Array, at: number) => HALVES[bytes[at] | (bytes[at + 1] << 8)];

/** bf16 is the upper half of a float32. */
function decodeBf16(bytes: Uint8Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0, at = 0; at < bytes.length; i++, at += 2) bits[i] = (bytes[at] << 16) | (bytes[at + 1] << 24);
}

/** One weight of five bits. The fifth bits of 32 weights come first, then their nibbles: 16 low ones, 16 high ones. */
function fiveBits(bytes: Uint8Array, at: number, i: number): number {
  const fifth = ((bytes[at + (i >> 3)] >>> (i & 7)) & 1) << 4;
  return fifth | ((bytes[at + 4 + (i & 15)] >>> (i < 16 ? 0 : 4)) & 15);
}

function decodeQ50(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) into[to + i] = scale * (fiveBits(bytes, at + 2, i) - 16);
}

function decodeQ51(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  const minimum = halfAt(bytes, at + 2);
  for (let i = 0; i < 32; i++) into[to + i] = fround(scale * fiveBits(bytes, at + 4, i)) + minimum;
}

/** Two bits of weight i of 256. Each half of a block interleaves four runs of 32 weights. */
const twoBits = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + 32 * (i >> 7) + (i & 31)] >>> (2 * ((i >> 5) & 3))) & 3;

/** 16 bytes hold scale and minimum of 16 weights each, four bits each. The weights follow, then two floats. */
function decodeQ2K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
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
function decodeQ3K(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
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

/** The value of each four bits in IQ4 (ggml-common.h, kvalues_iq4nl). */
const IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** 32 weights in 16 bytes, low nibbles first. */
function fourBits(bytes: Uint8Array, at: number, step: number, into: Float32Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    into[to + i] = step * IQ4_VALUES[bytes[at + i] & 15];
    into[to + 16 + i] = step * IQ4_VALUES[bytes[at + i] >>> 4];
  }
}

function decodeIq4Nl(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  fourBits(bytes, at + 2, halfAt(bytes, at), into, to);
}

/** One float, two high bits of each of eight scales, their four low bits, and the weights. */
function decodeIq4Xs(bytes: Uint8Array, at: number, into: Float32Array, to: number): void {
  const scale = halfAt(bytes, at);
  const highs = bytes[at + 2] | (bytes[at + 3] << 8);
  for (let run = 0; run < 8; run++) {
    const low = (bytes[at + 4 + (run >> 1)] >>> (4 * (run & 1))) & 15;
    const high = (highs >>> (2 * run)) & 3;
    fourBits(bytes, at + 8 + 16 * run, fround(scale * ((low | (high << 4)) - 32)), into, to + 32 * run);
  }
}
