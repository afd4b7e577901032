import { setImmediate } from 'node:timers/promises';
import { isRowFormat } from '../../../native-bridge/formats.js';
import { closeFile, type OpenFile, openFile } from '../../disk/files.js';
import { FlashrowError } from '../../errors.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import { FOREIGN_FORMATS } from '../../import/foreign-formats.js';
import { blockOf } from '../../import/source-tensor.js';
import { readTensorBytes } from '../../import/tensor-bytes.js';
import { findNotFinite } from './finite.js';

/** Some rows of a tensor, and some columns of those; columns begin and end on block edges. */
export interface Region {
  firstRow: number;
  rows: number;
  firstColumn: number;
  columns: number;
}

const rowLength = (tensor: CheckpointTensor) => tensor.shape[tensor.shape.length - 1];

/** Every row from `firstRow` on, whole; a vector is one row. */
export const wholeRows = (tensor: CheckpointTensor, firstRow: number, rows: number): Region => ({
  firstRow,
  rows,
  firstColumn: 0,
  columns: rowLength(tensor),
});

/** Reads pieces of a checkpoint's tensors into the caller's buffers and checks them. Files stay open until `close`. */
export class SourceReader {
  readonly #files = new Map<string, OpenFile>();
  /** Raw bytes of a piece that is decoded on its way. */
  #raw = Buffer.alloc(0);

  /**
   * Fills the start of `into` (4-byte aligned) with a region of a tensor, rows close together: in the tensor's own format
   * where the store knows it, else in f32. Lets other work go on before each call's own.
   * Throws CORRUPT where the file ends early or a weight is not finite, NOT_FOUND or IO where it cannot be read.
   */
  async read(tensor: CheckpointTensor, region: Region, into: Buffer): Promise<void> {
    await setImmediate();
    const { format } = tensor;
    const { blockSize, blockBytes } = blockOf(format);
    const count = region.rows * region.columns;
    const bytes = (count / blockSize) * blockBytes;
    const foreign = isRowFormat(format) ? null : FOREIGN_FORMATS[format];
    if (foreign && this.#raw.length < bytes) this.#raw = Buffer.alloc(bytes);
    const raw = (foreign ? this.#raw : into).subarray(0, bytes);
    this.#readRaw(tensor, region, blockBytes / blockSize, raw);

    const bad = findNotFinite(format, raw);
    if (bad >= 0) throw notFinite(tensor, region, bad);
    foreign?.decode(raw, new Float32Array(into.buffer, into.byteOffset, count));
  }

  close(): void {
    for (const file of this.#files.values()) closeFile(file);
    this.#files.clear();
  }

  #readRaw(tensor: CheckpointTensor, region: Region, bytesPerWeight: number, into: Buffer): void {
    const stride = rowLength(tensor) * bytesPerWeight;
    const start = region.firstRow * stride + region.firstColumn * bytesPerWeight;
    const whole = region.columns === rowLength(tensor);
    const run = whole ? into.length : into.length / region.rows;
    for (let at = 0, from = start; at < into.length; at += run, from += stride) {
      readTensorBytes(tensor, from, into.subarray(at, at + run), (path) => this.#open(path));
    }
  }

  #open(path: string): OpenFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = openFile(path);
      this.#files.set(path, file);
    }
    return file;
  }
}

function notFinite(tensor: CheckpointTensor, region: Region, index: number): FlashrowError {
  const row = region.firstRow + Math.floor(index / region.columns);
  const column = region.firstColumn + (index % region.columns);
  const message = `${tensor.path}: tensor "${tensor.sourceName}" holds NaN or infinity at row ${row}, column ${column}; get a sound copy of the checkpoint`;
  return new FlashrowError('CORRUPT', message, { path: tensor.path, tensor: tensor.sourceName, row, column });
}
