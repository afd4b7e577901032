import { type OpenFile, readExactly } from '../disk/files.js';
import type { CheckpointTensor, Place } from './checkpoint.js';
import { readInterleaved } from './layouts/interleaved.js';
import { readPackedMxfp4 } from './layouts/packed-mxfp4.js';
import { readTransposed } from './layouts/transposed.js';
import { blockOf } from './tensor-format.js';

/** The facts about a tensor that a reader needs. */
export type ReadableTensor = Omit<CheckpointTensor, 'name'>;

/**
 * Fills `into` with a tensor's bytes from its byte `start` on, in its own format and row after row, whatever the layout
 * in its files. `open` gives a file by its path. Throws CORRUPT where a file ends too early, IO.
 */
export function readTensorBytes(
  tensor: ReadableTensor,
  start: number,
  into: Uint8Array,
  open: (path: string) => OpenFile,
): void {
  const parts = tensor.parts ?? [tensor];
  const { partBytes = tensor.bytes / parts.length } = tensor;
  for (let done = 0; done < into.length; ) {
    const part = Math.floor((start + done) / partBytes);
    const within = start + done - part * partBytes;
    const piece = into.subarray(done, done + Math.min(into.length - done, partBytes - within));
    readPiece(tensor, parts[part], within, piece, open);
    done += piece.length;
  }
}

/** Reads bytes of one part, from the part's byte `within` on. */
function readPiece(
  { shape, format, layout, interleaved = false }: ReadableTensor,
  { path, offset, scales }: Place,
  within: number,
  into: Uint8Array,
  open: (path: string) => OpenFile,
): void {
  const { blockSize, blockBytes } = blockOf(format);
  const rowBlocks = shape.length === 1 ? 1 : shape[shape.length - 1] / blockSize;
  /** Reads from one file that holds `bytes` bytes for each block. */
  const rowsAt = (place: { path: string; offset: number }, bytes: number) => (start: number, target: Uint8Array) =>
    interleaved
      ? readInterleaved(open(place.path), place.offset, rowBlocks * bytes, start, target)
      : readExactly(open(place.path), place.offset + start, target);
  switch (layout) {
    case 'transposed': {
      const [rows, columns] = shape.slice(-2);
      const matrix = { rows, columns, weightBytes: blockBytes as 2 | 4, interleaved };
      readTransposed(open(path), offset, matrix, within, into);
      break;
    }
    case 'packed-mxfp4':
      readPackedMxfp4(rowsAt({ path, offset }, blockBytes - 1), rowsAt(scales!, 1), within, into);
      break;
    default:
      rowsAt({ path, offset }, blockBytes)(within, into);
  }
}
