import { type OpenFile, readExactly } from '../disk/files.js';

export interface TransposedMatrix {
  /** As the model has it; the file holds it column by column. */
  rows: number;
  columns: number;
  weightBytes: 2 | 4;
  /** Whether each weight is followed by one of another matrix. */
  turns: boolean;
}

/**
 * Fills `into` with a matrix's bytes, row after row, from byte `start` on. `offset` is where its first weight lies. A column takes a read, so that many rows at once
 * are worth asking for. Throws CORRUPT where the file ends before, IO.
 */
export function readTransposed(
  file: OpenFile,
  offset: number,
  { rows, columns, weightBytes, turns }: TransposedMatrix,
  start: number,
  into: Uint8Array,
): void {
  const step = turns ? 2 : 1;
  const rowBytes = columns * weightBytes;
  const first = Math.floor(start / rowBytes);
  const count = Math.ceil((start + into.length) / rowBytes) - first;
  const Weights = weightBytes === 2 ? Uint16Array : Uint32Array;
  const column = new Weights(step * (count - 1) + 1);
  const columnBytes = new Uint8Array(column.buffer);
  const turned = new Weights(count * columns);
  for (let c = 0; c < columns; c++) {
    readExactly(file, offset + step * (c * rows + first) * weightBytes, columnBytes);
    for (let r = 0; r < count; r++) turned[r * columns + c] = column[step * r];
  }
  const skipped = start - first * rowBytes;
  into.set(new Uint8Array(turned.buffer, skipped, into.length));
}
