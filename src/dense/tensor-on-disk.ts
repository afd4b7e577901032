import * as fs from 'node:fs';
import { dequantize } from '../../native-bridge/blocks.js';
import type { RowFormat } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';

/** A tensor as its header describes it. */
export interface TensorShape {
  /** [rows, columns] of a matrix, [length] of a vector. */
  shape: readonly number[];
  format: RowFormat;
}

/** A tensor's bytes in a file: contiguous rows in the blocks of its format. */
export interface TensorOnDisk extends TensorShape {
  path: string;
  offset: number;
  bytes: number;
  /** CRC-32C of the bytes, if the store has one. It is compared when they are first read. */
  checksum?: number;
  /** What the matrix's products are multiplied by. Default: nothing. */
  factor?: number;
}

/** Fills `into` from `offset` on. Throws CORRUPT if the file ends first, IO if it cannot be read. */
export function readFully(fd: number, path: string, offset: number, into: Uint8Array): void {
  for (let done = 0; done < into.length; ) {
    let read: number;
    try {
      read = fs.readSync(fd, into, done, into.length - done, offset + done);
    } catch (cause) {
      // Node does not ask again by itself.
      if ((cause as NodeJS.ErrnoException).code === 'EINTR') continue;
      throw new FlashrowError(
        'IO',
        `${path} cannot be read at ${offset + done}: ${(cause as Error).message}`,
        { path, offset: offset + done },
        { cause },
      );
    }
    if (read === 0) {
      const message = `${path} ends at ${offset + done}, inside a tensor; fetch or convert the model again`;
      throw new FlashrowError('CORRUPT', message, { path, offset: offset + done });
    }
    done += read;
  }
}

/** Opens a file for reading. Throws NOT_FOUND or IO. */
export function openFile(path: string): number {
  try {
    return fs.openSync(path, 'r');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'NOT_FOUND' : 'IO';
    throw new FlashrowError(code, `${path} cannot be opened: ${(cause as Error).message}`, { path }, { cause });
  }
}

/** Reads a whole vector [length], widened to f32, without a look at its checksum. Throws CORRUPT, NOT_FOUND or IO. */
export function readVector(tensor: TensorOnDisk): Float32Array {
  const bytes = new Uint8Array(tensor.bytes);
  const fd = openFile(tensor.path);
  try {
    readFully(fd, tensor.path, tensor.offset, bytes);
  } finally {
    fs.closeSync(fd);
  }
  const vector = new Float32Array(tensor.shape[0]);
  dequantize(tensor.format, bytes, 0, vector.length, vector, 0);
  return vector;
}
