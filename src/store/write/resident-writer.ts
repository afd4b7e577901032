import type { Crc32c } from '../../../native-bridge/crc32c.js';
import { FORMATS, rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../../native-bridge/memory.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import type { RequantizedTensor, ResidentTensor } from '../manifest.js';
import type { OutputFile } from './output-file.js';
import { Requantizer } from './requantizer.js';
import { type SourceReader, wholeRows } from './source-reader.js';
import type { WriteProgress } from './write-progress.js';

/** Weights that are read at once. A longer row is read whole. */
const PIECE_WEIGHTS = 1 << 20;

/**
 * Streams one tensor to the end of `file` and pads it to a device block. Returns its CRC-32C, and the loss for a matrix
 * whose format has changed.
 */
export async function writeResident(
  source: SourceReader,
  tensor: CheckpointTensor,
  target: Omit<ResidentTensor, 'checksum'>,
  file: OutputFile,
  crc32c: Crc32c,
  progress: WriteProgress,
): Promise<{ checksum: number; requantized: RequantizedTensor | null }> {
  const columns = tensor.shape[tensor.shape.length - 1];
  const rows = tensor.shape.length === 1 ? 1 : tensor.shape[0];
  const from = tensor.format;
  const requantizer = new Requantizer(target.name, tensor.format, from, target.format);
  const rowsPerPiece = Math.min(rows, Math.max(1, Math.floor(PIECE_WEIGHTS / columns)));
  const pieceWeights = rowsPerPiece * columns;
  const read = Buffer.alloc(rowBytes(from, pieceWeights));
  const converted = from === target.format ? read : Buffer.alloc(rowBytes(target.format, pieceWeights));

  let checksum = 0;
  for (let row = 0; row < rows; row += rowsPerPiece) {
    progress.signal?.throwIfAborted();
    const count = Math.min(rowsPerPiece, rows - row) * columns;
    await source.read(tensor, wholeRows(tensor, row, count / columns), read);
    if (converted !== read) requantizer.convert(read, count, converted);
    const bytes = converted.subarray(0, (count / FORMATS[target.format].blockSize) * FORMATS[target.format].blockBytes);
    checksum = crc32c(bytes, checksum);
    await file.write(bytes);
    progress.onPiece();
  }
  await file.pad(DEVICE_BLOCK);
  const listed = tensor.shape.length > 1 && tensor.format !== target.format;
  return { checksum, requantized: listed ? requantizer.result() : null };
}
