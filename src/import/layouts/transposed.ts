import { type OpenFile, readExactly } from '../../disk/files.js';

export interface TransposedMatrix {
  /** Rows and columns as the model has them. The file holds the matrix column by column. */
  rows: number;
  columns: number;
  weightBytes: 2 | 4;
  /** True where a weight of another matrix follows each weight. */
  interleaved: boolean;
}

/**
 * Fills `into` with a matrix's bytes, row after row, from byte `start` on. Its first weight lies at `offset`. Each
 * column costs one read, so ask for many rows at once. Throws CORRUPT where the file ends too early, IO.
 */
export function readTransposed(
  file: OpenFile,
  offset: number,
  { rows, columns, weightBytes, interleaved }: TransposedMatrix,
  start: number,
  into: Uint8Array,
): void {
  const step = interleaved ? 2 : 1;
  const rowBytes = columns * weightBytes;
  const first = Math.floor(start / rowBytes);
  const count = Math.ceil((start + into.length) / rowBytes) - first;
  const Weights = weightBytes === 2 ? Uint16Array : Uint32Array;
  const column = new Weights(step * (count - 1) + 1);
  const columnBytes = new Uint8Array(column.buffer);
  const matrix = new Weights(count * columns);
  for (let c = 0; c < columns; c++) {
    readExactly(file, offset + step * (c * rows + first) * weightBytes, columnBytes);
    for (let r = 0; r < count; r++) matrix[r * columns + c] = column[step * r];
  }
  const skipped = start - first * rowBytes;
  into.set(new Uint8Array(matrix.buffer, skipped, into.length));
}
