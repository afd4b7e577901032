import { type OpenFile, readExactly } from '../disk/files.js';
import type { CheckpointTensor, Place } from './checkpoint.js';
import { readTurns } from './interleaved.js';
import { readPackedMxfp4 } from './packed-mxfp4.js';
import { piecesOf } from './pieces.js';
import { blockOf } from './source-tensor.js';
import { readTransposed } from './transposed.js';

/** What must be known of a tensor to read it. */
export type StoredTensor = Omit<CheckpointTensor, 'name'>;

/**
 * Fills `into` with a tensor's bytes from its byte `start` on, in its own format and row after row, however its files hold them. `open` gives a file by its
 * path. Throws CORRUPT where a file ends before, IO.
 */
export function readTensorBytes(
  tensor: StoredTensor,
  start: number,
  into: Uint8Array,
  open: (path: string) => OpenFile,
): void {
  let done = 0;
  for (const { part, within, length } of piecesOf(tensor, start, into.length)) {
    readPiece(tensor, part, within, into.subarray(done, done + length), open);
    done += length;
  }
}

function readPiece(
  { shape, format, turns = false, transposed }: StoredTensor,
  { path, offset, scales }: Place,
  within: number,
  into: Uint8Array,
  open: (path: string) => OpenFile,
): void {
  const { blockSize, blockBytes } = blockOf(format);
  const rowBlocks = shape.length === 1 ? 1 : shape[shape.length - 1] / blockSize;
  /** Bytes of one file, `bytes` to a block. */
  const stretch = (place: { path: string; offset: number }, bytes: number) => (start: number, target: Uint8Array) =>
    turns
      ? readTurns(open(place.path), place.offset, rowBlocks * bytes, start, target)
      : readExactly(open(place.path), place.offset + start, target);
  if (transposed) {
    const [rows, columns] = shape.slice(-2);
    readTransposed(open(path), offset, { rows, columns, weightBytes: blockBytes as 2 | 4, turns }, within, into);
  } else if (scales) {
    readPackedMxfp4(stretch({ path, offset }, blockBytes - 1), stretch(scales, 1), within, into);
  } else stretch({ path, offset }, blockBytes)(within, into);
}
