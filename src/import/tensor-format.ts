import { dequantize } from '../../native-bridge/blocks.js';
import { FORMATS, type FormatTraits, type RowFormat } from '../../native-bridge/formats.js';

/** Element formats that a checkpoint may hold: each has kernels. */
export type TensorFormat = RowFormat;

/** Weights in a block, and its bytes. */
export const blockOf = (format: TensorFormat): FormatTraits => FORMATS[format];

/** Bytes of `weights` weights, which are whole blocks. */
export function formatBytes(format: TensorFormat, weights: number): number {
  const { blockSize, blockBytes } = FORMATS[format];
  return (weights / blockSize) * blockBytes;
}

/**
 * Writes whole blocks to `into` as float32, as many weights as `bytes` holds. Exact for f32, f16 and bf16. The other
 * formats use float32 arithmetic.
 */
export function decodeToFloats(format: TensorFormat, bytes: Uint8Array, into: Float32Array): void {
  const { blockSize, blockBytes } = FORMATS[format];
  dequantize(format, bytes, 0, (bytes.length / blockBytes) * blockSize, into, 0);
}
