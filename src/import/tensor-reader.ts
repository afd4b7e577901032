import { FilePool } from '../disk/file-pool.js';
import type { CheckpointTensor } from './checkpoint.js';
import { type ReadableTensor, readTensorBytes } from './tensor-bytes.js';
import { blockOf, decodeToFloats } from './tensor-format.js';

/** Rows of a tensor. A stack has those of all its matrices. A vector is one row. */
export const numRows = (tensor: Pick<CheckpointTensor, 'shape'>): number =>
  tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1);

/**
 * Reads a checkpoint's tensors, a few rows at a time. Files stay open until `close`. Reads are positioned, so readers
 * and tensors do not disturb one another.
 */
export class TensorReader {
  readonly #files = new FilePool();

  /** `count` rows from `firstRow` on, in `tensor.format`. Throws CORRUPT where the file has become shorter, and IO. */
  readRows(tensor: ReadableTensor, firstRow: number, count: number): Uint8Array {
    const rows = numRows(tensor);
    if (!(firstRow >= 0 && count >= 0 && firstRow + count <= rows))
      throw new RangeError(`${tensor.sourceName} has ${rows} rows; ${firstRow} to ${firstRow + count} were asked for`);
    const rowBytes = tensor.bytes / rows;
    return this.readBytes(tensor, firstRow * rowBytes, count * rowBytes);
  }

  /** `length` bytes of the tensor from its byte `start` on. Throws as `readRows` does. */
  readBytes(tensor: ReadableTensor, start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    readTensorBytes(tensor, start, bytes, (path) => this.#files.open(path));
    return bytes;
  }

  /** Rows as float32, whatever their format. Exact for f32, f16 and bf16. */
  readFloats(tensor: ReadableTensor, firstRow: number, count: number): Float32Array {
    const bytes = this.readRows(tensor, firstRow, count);
    const { blockSize, blockBytes } = blockOf(tensor.format);
    const floats = new Float32Array((bytes.length / blockBytes) * blockSize);
    decodeToFloats(tensor.format, bytes, floats);
    return floats;
  }

  /** Closes the files. A later read opens them again. */
  close(): void {
    this.#files.close();
  }
}
