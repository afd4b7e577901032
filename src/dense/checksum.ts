import * as fs from 'node:fs';
import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { FlashrowError } from '../errors.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';

/** Bytes read at once. */
const PIECE_BYTES = 1 << 20;

/**
 * Compares a tensor's bytes in its file with the store's checksum; a tensor without one passes. For tensors that are
 * read again later: by a library, as a vector, or row by row. Throws CORRUPT if they differ, NOT_FOUND or IO.
 */
export function checkOnDisk(tensor: TensorOnDisk, bridge: Bridge): void {
  if (tensor.checksum === undefined) return;
  const piece = new Uint8Array(Math.min(PIECE_BYTES, tensor.bytes));
  const fd = openFile(tensor.path);
  let checksum = 0;
  try {
    for (let done = 0; done < tensor.bytes; done += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, tensor.bytes - done));
      readFully(fd, tensor.path, tensor.offset + done, part);
      checksum = bridge.crc32c(part, checksum);
    }
  } finally {
    fs.closeSync(fd);
  }
  compare(checksum, tensor);
}

/**
 * Compares a matrix that is in memory, in its file's own bytes, with the tensor's checksum. Throws CORRUPT if they
 * differ.
 */
export function checkHeld(matrix: ResidentMatrix, tensor: TensorOnDisk): void {
  if (tensor.checksum !== undefined) compare(matrix.checksum(0, matrix.rows), tensor);
}

function compare(checksum: number, { path, offset, bytes, checksum: expected }: TensorOnDisk): void {
  if (checksum === expected) return;
  const message = `${path} is damaged between ${offset} and ${offset + bytes}: a tensor does not match its checksum; convert the model again`;
  throw new FlashrowError('CORRUPT', message, { path, offset });
}
