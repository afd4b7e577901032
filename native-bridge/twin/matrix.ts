import { dequantize } from '../blocks.js';
import { BridgeError, type MatrixSource, type ResidentMatrix } from '../bridge.js';
import { crc32c } from '../crc32c.js';
import { isRowFormat, rowBytes } from '../formats.js';
import { dot } from './dot.js';
import { allocate, asUsage, isCount, usage } from './errors.js';
import { readRange, withFile } from './reader.js';

/** Rows stay in the format of their file and are widened one at a time. */
export class TwinMatrix implements ResidentMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bytes: number;
  readonly #format: MatrixSource['format'];
  readonly #rowBytes: number;
  readonly #row: Float32Array;
  #weights: Uint8Array | null;

  constructor(source: MatrixSource) {
    const { rows, columns, format, offset, rowStride } = source;
    if (!isRowFormat(format)) throw usage(`no kernel for format ${format}`);
    if (!isCount(rows) || !isCount(columns) || !isCount(offset))
      throw usage(`a matrix cannot have ${rows} rows and ${columns} columns at byte ${offset}`);
    this.#rowBytes = asUsage(() => rowBytes(format, columns));
    if (!isCount(rowStride) || rowStride < this.#rowBytes)
      throw usage(`a row has ${this.#rowBytes} bytes, so that rowStride cannot be ${rowStride}`);
    this.rows = rows;
    this.columns = columns;
    this.bytes = rows * this.#rowBytes;
    this.#format = format;
    this.#row = new Float32Array(columns);
    this.#weights = readRows(source, this.#rowBytes);
  }

  matmul(x: Float32Array, tokens: number, y: Float32Array): void {
    const weights = this.#alive();
    const { rows, columns } = this;
    if (!isCount(tokens)) throw usage(`${tokens} is not a number of tokens`);
    if (x.length < tokens * columns) throw usage(`x holds ${x.length}, not ${tokens} x ${columns} values`);
    if (y.length < tokens * rows) throw usage(`y holds ${y.length}, not ${tokens} x ${rows} values`);
    this.#multiply(weights, x, tokens, rows, y);
  }

  multiplyFirst(x: Float32Array, rows: number, y: Float32Array): void {
    const weights = this.#alive();
    const { columns } = this;
    if (x.length < columns) throw usage(`x holds ${x.length}, not ${columns} values`);
    if (!isCount(rows) || rows > this.rows) throw usage(`the matrix has ${this.rows} rows, not ${rows} first ones`);
    if (y.length < rows) throw usage(`y holds ${y.length}, not ${rows} values`);
    this.#multiply(weights, x, 1, rows, y);
  }

  #multiply(weights: Uint8Array, x: Float32Array, tokens: number, rows: number, y: Float32Array): void {
    const { columns } = this;
    for (let r = 0; r < rows; r++) {
      dequantize(this.#format, weights, r * this.#rowBytes, columns, this.#row, 0);
      for (let t = 0; t < tokens; t++) y[t * rows + r] = dot(x, t * columns, this.#row, 0, columns);
    }
  }

  multiplyHeads(x: Float32Array, tokens: number, heads: number, transposed: boolean, y: Float32Array): void {
    const weights = this.#alive();
    const { rows, columns } = this;
    if (!isCount(heads) || heads === 0 || rows % heads !== 0) throw usage(`${heads} heads do not divide ${rows} rows`);
    if (!isCount(tokens)) throw usage(`${tokens} is not a number of tokens`);
    const [inputs, outputs] = transposed ? [rows, heads * columns] : [heads * columns, rows];
    if (x.length < tokens * inputs) throw usage(`x holds ${x.length}, not ${tokens} x ${inputs} values`);
    if (y.length < tokens * outputs) throw usage(`y holds ${y.length}, not ${tokens} x ${outputs} values`);
    if (transposed) y.fill(0, 0, tokens * outputs);
    for (let r = 0; r < rows; r++) {
      const head = Math.floor(r / (rows / heads));
      dequantize(this.#format, weights, r * this.#rowBytes, columns, this.#row, 0);
      for (let t = 0; t < tokens; t++) {
        const part = (t * heads + head) * columns;
        if (!transposed) y[t * rows + r] = dot(x, part, this.#row, 0, columns);
        else for (let c = 0; c < columns; c++) y[part + c] += x[t * rows + r] * this.#row[c];
      }
    }
  }

  row(index: number, into: Float32Array): void {
    const weights = this.#alive();
    if (!isCount(index) || index >= this.rows) throw usage(`the matrix has ${this.rows} rows, no row ${index}`);
    if (into.length < this.columns) throw usage(`a row holds ${this.columns} values, the target ${into.length}`);
    dequantize(this.#format, weights, index * this.#rowBytes, this.columns, into, 0);
  }

  checksum(firstRow: number, rows: number): number {
    const weights = this.#alive();
    if (!isCount(firstRow) || !isCount(rows) || firstRow + rows > this.rows)
      throw usage(`the matrix has ${this.rows} rows, not ${rows} from row ${firstRow}`);
    return crc32c(weights, 0, firstRow * this.#rowBytes, (firstRow + rows) * this.#rowBytes);
  }

  dispose(): void {
    this.#weights = null;
  }

  #alive(): Uint8Array {
    if (this.#weights === null) throw usage('the matrix was disposed');
    return this.#weights;
  }
}

function readRows({ path, offset, rowStride, rows }: MatrixSource, bytes: number): Uint8Array {
  const weights = allocate(rows * bytes, path);
  withFile(path, (file) => {
    // Rows without padding between them are one long row.
    const [pieces, length] = rowStride === bytes ? [1, rows * bytes] : [rows, bytes];
    for (let i = 0; i < pieces; i++) {
      const from = offset + i * rowStride;
      const got = readRange(file, path, weights, i * bytes, length, from);
      if (got < length)
        throw new BridgeError(
          'CORRUPT',
          `${path} ends at byte ${from + got}, inside a matrix that begins at ${offset}`,
          {
            path,
            offset: from + got,
          },
        );
    }
  });
  return weights;
}
