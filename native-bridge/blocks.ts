import { BLOCK_DECODERS } from './block-decoders.js';
import { FORMATS, type RowFormat, rowBytes, type WritableFormat } from './formats.js';
import { HALVES } from './halves.js';

/*
 * Reading and writing GGML's blocks. The layouts and the rounding are those of ggml's reference quantizers
 * (ggml-quants.c, `quantize_row_*_ref`), whose arithmetic is float32: `Math.fround` stands wherever a double would
 * have rounded differently. Scales are little-endian halves.
 */

export { halfToFloat } from './halves.js';

const BLOCK = 32;

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/**
 * IEEE half bits of a float32's bits, rounded to nearest even. Every NaN becomes the quiet one: payloads do not survive
 * JS numbers.
 */
function halfOfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 is the midpoint between the largest half and what would be the next one.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Floats in [0.5, 1) are spaced like subnormal halves, so the addition does the rounding.
    scratchBits[0] = magnitude;
    scratch[0] += 0.5;
    return sign | (scratchBits[0] - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** IEEE half bits of `value`, which is first rounded to float32 as ggml does; then to nearest even. */
export function floatToHalf(value: number): number {
  scratch[0] = value;
  return halfOfBits(scratchBits[0]);
}

const bytesOf = (floats: Float32Array, offset: number, count: number) =>
  new Uint8Array(floats.buffer, floats.byteOffset + offset * 4, count * 4);

function checkRange(what: string, offset: number, needed: number, held: number): void {
  if (!(offset >= 0 && offset + needed <= held))
    throw new RangeError(`${what} holds ${held}, but ${needed} from ${offset} on were asked for`);
}

/**
 * Widens `count` weights at `bytes[byteOffset]` (any alignment) into `into[intoOffset..]`, as float32 arithmetic does.
 * Throws RangeError where `count` is not whole blocks or a range lies outside its array.
 */
export function dequantize(
  format: RowFormat,
  bytes: Uint8Array,
  byteOffset: number,
  count: number,
  into: Float32Array,
  intoOffset: number,
): void {
  const length = rowBytes(format, count);
  checkRange('the source', byteOffset, length, bytes.length);
  checkRange('the target', intoOffset, count, into.length);
  const end = byteOffset + length;
  let at = byteOffset;
  let to = intoOffset;
  switch (format) {
    case 'f32':
      bytesOf(into, intoOffset, count).set(bytes.subarray(byteOffset, end));
      break;
    case 'f16':
      for (; at < end; at += 2) into[to++] = HALVES[bytes[at] | (bytes[at + 1] << 8)];
      break;
    case 'bf16': {
      // The upper halves of floats.
      const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
      for (; at < end; at += 2) bits[to++] = (bytes[at] << 16) | (bytes[at + 1] << 24);
      break;
    }
    case 'q8_0':
      for (; at < end; at += 34) {
        const scale = HALVES[bytes[at] | (bytes[at + 1] << 8)];
        for (let i = 2; i < 34; i++) into[to++] = scale * ((bytes[at + i] << 24) >> 24);
      }
      break;
    case 'q4_0':
      for (; at < end; at += 18, to += BLOCK) {
        const scale = HALVES[bytes[at] | (bytes[at + 1] << 8)];
        for (let i = 0; i < 16; i++) {
          const pair = bytes[at + 2 + i];
          into[to + i] = scale * ((pair & 15) - 8);
          into[to + 16 + i] = scale * ((pair >>> 4) - 8);
        }
      }
      break;
    case 'q4_1':
      // Exact in a double, so that storing is the only rounding, as in float32.
      for (; at < end; at += 20, to += BLOCK) {
        const scale = HALVES[bytes[at] | (bytes[at + 1] << 8)];
        const minimum = HALVES[bytes[at + 2] | (bytes[at + 3] << 8)];
        for (let i = 0; i < 16; i++) {
          const pair = bytes[at + 4 + i];
          into[to + i] = scale * (pair & 15) + minimum;
          into[to + 16 + i] = scale * (pair >>> 4) + minimum;
        }
      }
      break;
    default: {
      const { blockSize, blockBytes } = FORMATS[format];
      const decode = BLOCK_DECODERS[format];
      for (; at < end; at += blockBytes, to += blockSize) decode(bytes, at, into, to);
    }
  }
}

/**
 * Narrows `count` weights at `from[fromOffset]` into `into[intoOffset..]` (any alignment), and rounds as ggml's
 * reference quantizers do. Throws RangeError where `count` is not whole blocks or a range lies outside its array.
 */
export function quantize(
  format: WritableFormat,
  from: Float32Array,
  fromOffset: number,
  count: number,
  into: Uint8Array,
  intoOffset: number,
): void {
  checkRange('the source', fromOffset, count, from.length);
  checkRange('the target', intoOffset, rowBytes(format, count), into.length);
  const { blockSize, blockBytes } = FORMATS[format];
  if (format === 'f32') {
    into.set(bytesOf(from, fromOffset, count), intoOffset);
    return;
  }
  if (format === 'f16') {
    const bits = new Uint32Array(from.buffer, from.byteOffset + fromOffset * 4, count);
    for (let i = 0; i < count; i++) putHalf(halfOfBits(bits[i]), into, intoOffset + 2 * i);
    return;
  }
  const block = format === 'q8_0' ? blockQ8_0 : format === 'q4_0' ? blockQ4_0 : blockQ4_1;
  for (let i = 0; i < count / blockSize; i++)
    block(from, fromOffset + i * blockSize, into, intoOffset + i * blockBytes);
}

function putHalf(half: number, into: Uint8Array, at: number): void {
  into[at] = half & 0xff;
  into[at + 1] = half >>> 8;
}

const inverse = (scale: number) => (scale === 0 ? 0 : Math.fround(1 / scale));

function blockQ8_0(from: Float32Array, start: number, into: Uint8Array, at: number): void {
  let largest = 0;
  for (let i = 0; i < BLOCK; i++) {
    const size = Math.abs(from[start + i]);
    if (size > largest) largest = size;
  }
  const scale = Math.fround(largest / 127);
  const factor = inverse(scale);
  putHalf(floatToHalf(scale), into, at);
  for (let i = 0; i < BLOCK; i++) {
    const level = Math.fround(from[start + i] * factor);
    // C's roundf: halves go away from zero.
    into[at + 2 + i] = (level + (level < 0 ? -0.5 : 0.5)) | 0;
  }
}

function blockQ4_0(from: Float32Array, start: number, into: Uint8Array, at: number): void {
  let largest = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const value = from[start + i];
    const size = Math.abs(value);
    if (size > largest) {
      largest = size;
      signed = value;
    }
  }
  const scale = Math.fround(signed / -8);
  const factor = inverse(scale);
  putHalf(floatToHalf(scale), into, at);
  for (let i = 0; i < 16; i++) {
    const low = level4(Math.fround(Math.fround(from[start + i] * factor) + 8.5));
    const high = level4(Math.fround(Math.fround(from[start + 16 + i] * factor) + 8.5));
    into[at + 2 + i] = low | (high << 4);
  }
}

function blockQ4_1(from: Float32Array, start: number, into: Uint8Array, at: number): void {
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < BLOCK; i++) {
    const value = from[start + i];
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const scale = Math.fround(Math.fround(most - least) / 15);
  const factor = inverse(scale);
  putHalf(floatToHalf(scale), into, at);
  putHalf(floatToHalf(least), into, at + 2);
  for (let i = 0; i < 16; i++) {
    const low = level4(Math.fround(Math.fround(Math.fround(from[start + i] - least) * factor) + 0.5));
    const high = level4(Math.fround(Math.fround(Math.fround(from[start + 16 + i] - least) * factor) + 0.5));
    into[at + 4 + i] = low | (high << 4);
  }
}

/** Cuts to 0..15; NaN (from weights that are not finite) to 0. */
const level4 = (level: number) => (level >= 15 ? 15 : level | 0);
