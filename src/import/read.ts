/*
 * The bytes of a checkpoint's tensors, a few rows at a time. One reader keeps each file open once, whatever the number of
 * tensors, until it is closed; reads are positioned, so readers and tensors do not disturb one another.
 */
import { dequantize } from '../../native-bridge/blocks.js';
import { isRowFormat } from '../../native-bridge/formats.js';
import { closeFile, type OpenFile, openFile } from '../disk/files.js';
import type { CheckpointTensor } from './checkpoint.js';
import { FOREIGN_FORMATS } from './foreign-formats.js';
import { blockOf } from './source-tensor.js';
import { readTensorBytes, type StoredTensor } from './tensor-bytes.js';

/** Rows of a tensor, those of all its matrices for a stack; a vector is one row. */
export const numRows = (tensor: Pick<CheckpointTensor, 'shape'>): number =>
  tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1);

/** Bytes of one row in the tensor's own format. */
const sourceRowBytes = (tensor: StoredTensor): number => tensor.bytes / numRows(tensor);

export class TensorReader {
  readonly #files = new Map<string, OpenFile>();

  /** `count` rows from `firstRow` on, in `tensor.format`, as they lie in the file. Throws CORRUPT where the file has become shorter, and IO. */
  readRows(tensor: StoredTensor, firstRow: number, count: number): Uint8Array {
    const rowBytes = sourceRowBytes(tensor);
    if (!(firstRow >= 0 && count >= 0 && firstRow + count <= numRows(tensor)))
      throw new RangeError(
        `${tensor.sourceName} has ${numRows(tensor)} rows; ${firstRow} to ${firstRow + count} were asked for`,
      );
    return this.readBytes(tensor, firstRow * rowBytes, count * rowBytes);
  }

  /** `length` bytes of the tensor from its byte `start` on. Throws as `readRows` does. */
  readBytes(tensor: StoredTensor, start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    readTensorBytes(tensor, start, bytes, (path) => this.#file(path));
    return bytes;
  }

  /** The same rows as float32, whatever their format: exact for f32, f16 and bf16, float32 arithmetic for the others. */
  readFloats(tensor: StoredTensor, firstRow: number, count: number): Float32Array {
    const bytes = this.readRows(tensor, firstRow, count);
    const { blockSize, blockBytes } = blockOf(tensor.format);
    const floats = new Float32Array((bytes.length / blockBytes) * blockSize);
    if (isRowFormat(tensor.format)) dequantize(tensor.format, bytes, 0, floats.length, floats, 0);
    else FOREIGN_FORMATS[tensor.format].decode(bytes, floats);
    return floats;
  }

  /** Lets go of the files; reading again opens them again. */
  close(): void {
    for (const file of this.#files.values()) closeFile(file);
    this.#files.clear();
  }

  #file(path: string): OpenFile {
    let file = this.#files.get(path);
    if (!file) {
      file = openFile(path);
      this.#files.set(path, file);
    }
    return file;
  }
}
