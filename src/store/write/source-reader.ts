import { setImmediate } from 'node:timers/promises';
import { FilePool } from '../../disk/file-pool.js';
import { FlashrowError } from '../../errors.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import { readTensorBytes } from '../../import/tensor-bytes.js';
import { formatBytes } from '../../import/tensor-format.js';
import { findNotFinite } from './finite.js';

/** Some rows of a tensor, and some columns of those rows. Columns begin and end on block edges. */
export interface Region {
  firstRow: number;
  rows: number;
  firstColumn: number;
  columns: number;
}

const rowLength = (tensor: CheckpointTensor) => tensor.shape[tensor.shape.length - 1];

/** `rows` whole rows from `firstRow` on. A vector is one row. */
export const wholeRows = (tensor: CheckpointTensor, firstRow: number, rows: number): Region => ({
  firstRow,
  rows,
  firstColumn: 0,
  columns: rowLength(tensor),
});

/** Reads pieces of a checkpoint's tensors into the caller's buffers and checks them. Files stay open until `close`. */
export class SourceReader {
  readonly #files = new FilePool();

  /**
   * Fills the start of `into` (4-byte aligned) with a region of a tensor, in its own format, row after row without gaps.
   * Other work can run before each call's own.
   * Throws CORRUPT where the file ends early or a weight is not finite, NOT_FOUND or IO where it cannot be read.
   */
  async read(tensor: CheckpointTensor, region: Region, into: Buffer): Promise<void> {
    await setImmediate();
    const { format } = tensor;
    const count = region.rows * region.columns;
    const raw = into.subarray(0, formatBytes(format, count));
    this.#readRaw(tensor, region, raw);

    const bad = findNotFinite(format, raw);
    if (bad >= 0) throw notFinite(tensor, region, bad);
  }

  close(): void {
    this.#files.close();
  }

  #readRaw(tensor: CheckpointTensor, region: Region, into: Buffer): void {
    const stride = formatBytes(tensor.format, rowLength(tensor));
    const start = region.firstRow * stride + formatBytes(tensor.format, region.firstColumn);
    const whole = region.columns === rowLength(tensor);
    const run = whole ? into.length : into.length / region.rows;
    for (let at = 0, from = start; at < into.length; at += run, from += stride) {
      readTensorBytes(tensor, from, into.subarray(at, at + run), (path) => this.#files.open(path));
    }
  }
}

function notFinite(tensor: CheckpointTensor, region: Region, index: number): FlashrowError {
  const row = region.firstRow + Math.floor(index / region.columns);
  const column = region.firstColumn + (index % region.columns);
  const message = `${tensor.path}: tensor "${tensor.sourceName}" holds NaN or infinity at row ${row}, column ${column}; get a sound copy of the checkpoint`;
  return new FlashrowError('CORRUPT', message, { path: tensor.path, tensor: tensor.sourceName, row, column });
}
