import { dequantize } from '../../native-bridge/blocks.js';
import { FORMATS, isRowFormat, type RowFormat } from '../../native-bridge/formats.js';
import { FOREIGN_FORMATS, type ForeignFormat } from './foreign-formats.js';

/** Element formats that a checkpoint may hold. Foreign ones have no kernel and become floats when they are read. */
export type TensorFormat = RowFormat | ForeignFormat;

/** Weights in a block, and its bytes. */
export function blockOf(format: TensorFormat): { blockSize: number; blockBytes: number } {
  return isRowFormat(format) ? FORMATS[format] : FOREIGN_FORMATS[format];
}

/** Bytes of `weights` weights, which are whole blocks. */
export function formatBytes(format: TensorFormat, weights: number): number {
  const { blockSize, blockBytes } = blockOf(format);
  return (weights / blockSize) * blockBytes;
}

/**
 * Writes whole blocks to `into` as float32, as many weights as `bytes` holds. Exact for f32, f16 and bf16. The other
 * formats use float32 arithmetic.
 */
export function decodeToFloats(format: TensorFormat, bytes: Uint8Array, into: Float32Array): void {
  if (!isRowFormat(format)) {
    FOREIGN_FORMATS[format].decode(bytes, into);
    return;
  }
  const { blockSize, blockBytes } = FORMATS[format];
  dequantize(format, bytes, 0, (bytes.length / blockBytes) * blockSize, into, 0);
}
