import * as fs from 'node:fs';
import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { FlashrowError } from '../errors.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';

const PIECE_BYTES = 1 << 20;

/** Reads a tensor that a library, or a row at a time, will read again. Throws CORRUPT where its bytes are not those that were written. */
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

/** The same for a matrix that is in memory, in its file's own bytes. */
export function checkHeld(matrix: ResidentMatrix, tensor: TensorOnDisk): void {
  if (tensor.checksum !== undefined) compare(matrix.checksum(0, matrix.rows), tensor);
}

function compare(checksum: number, { path, offset, bytes, checksum: expected }: TensorOnDisk): void {
  if (checksum === expected) return;
  const message = `${path} is damaged between ${offset} and ${offset + bytes}: a tensor does not match its checksum; convert the model again`;
  throw new FlashrowError('CORRUPT', message, { path, offset });
}
