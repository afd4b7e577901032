import { dequantize, quantize } from '../../native-bridge/blocks.js';
import { FlashrowError, shown } from '../errors.js';
import { blockOf } from '../import/tensor-format.js';
import type { TensorReader } from '../import/tensor-reader.js';
import type { FloatFormat, MergedTensor } from './merge-tensors.js';

/** Weights that are added at once: what a merge takes of memory is a few times their bytes. */
export const PIECE_WEIGHTS = 2 ** 20;

const sums = new Float32Array(PIECE_WEIGHTS);
const added = new Float32Array(PIECE_WEIGHTS);

/**
 * The `count` weights of a merged tensor from weight `first` on, in its format. As PyTorch adds: the base is rounded to
 * the delta's format first, and the sum, in float32, once more. Throws CORRUPT where a sum is no number, IO.
 */
export function mergedWeights(tensor: MergedTensor, first: number, count: number, reader: TensorReader): Uint8Array {
  const { delta, base, format } = tensor;
  const size = blockOf(format).blockBytes;
  const bytes = reader.readBytes(delta, first * size, count * size);
  if (base === null) return bytes;
  const own = blockOf(base.format).blockBytes;
  const overlap = Math.max(0, Math.min(count, base.bytes / own - first));
  if (overlap === 0) return bytes;
  dequantize(format, bytes, 0, overlap, sums, 0);
  dequantize(base.format, reader.readBytes(base, first * own, overlap * own), 0, overlap, added, 0);
  if (base.format !== format) round(format, added, overlap);
  for (let i = 0; i < overlap; i++) sums[i] += added[i];
  write(format, sums, overlap, bytes);
  if (!areFinite(format, bytes, overlap))
    throw new FlashrowError(
      'CORRUPT',
      `tensor ${shown(tensor.name)} comes to infinity: the base is not the one that the delta was made for, or one of the two is damaged`,
      { tensor: tensor.name, path: delta.path },
    );
  return bytes;
}

/** The bits of the exponent, all of which are set in infinity and NaN. */
const EXPONENTS: Readonly<Record<FloatFormat, number>> = { f32: 0x7f800000, f16: 0x7c00, bf16: 0x7f80 };

function areFinite(format: FloatFormat, { buffer, byteOffset }: Uint8Array, count: number): boolean {
  const words =
    format === 'f32' ? new Uint32Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
  const all = EXPONENTS[format];
  for (let i = 0; i < count; i++) if ((words[i] & all) === all) return false;
  return true;
}

const rounded = new Uint8Array(4 * PIECE_WEIGHTS);

/** Rounds floats to what a format holds, where they are. */
function round(format: FloatFormat, floats: Float32Array, count: number): void {
  if (format === 'f32') return;
  write(format, floats, count, rounded);
  dequantize(format, rounded, 0, count, floats, 0);
}

/** Writes floats in a format, each to the nearest number that it has, of two equally near ones to the even one. */
function write(format: FloatFormat, floats: Float32Array, count: number, into: Uint8Array): void {
  if (format !== 'bf16') {
    quantize(format, floats, 0, count, into, 0);
    return;
  }
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, count);
  for (let i = 0; i < count; i++) {
    const isNone = (bits[i] & 0x7fffffff) > 0x7f800000;
    const half = isNone ? (bits[i] >>> 16) | 0x40 : (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
    into[2 * i] = half;
    into[2 * i + 1] = half >>> 8;
  }
}
