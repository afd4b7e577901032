import { dequantize } from '../blocks.js';
import { BridgeError, type StreamedMatrix } from '../bridge.js';
import { crc32c } from '../crc32c.js';
import { isRowFormat, rowBytes } from '../formats.js';
import { matrixSlotBytes } from '../slots.js';
import { dot } from './dot.js';
import { asUsage, isCount, usage } from './errors.js';

/** A matrix whose description was checked, and how far its checksum has come. */
export class TwinStreamedMatrix {
  readonly matrix: StreamedMatrix;
  readonly name: string;
  readonly numUnits: number;
  readonly slotBytes: number;
  readonly #rowBytes: number;
  readonly #row: Float32Array;
  #checksum = 0;
  #verified: boolean;

  /** Checks as `StreamedMatrix` of the addon does. Throws BridgeError USAGE. */
  constructor(matrix: StreamedMatrix, index: number, numFiles: number) {
    this.name = `matrix ${index}`;
    const { file, offset, rows, columns, format, rowsPerUnit, checksum } = matrix;
    if (!isRowFormat(format)) throw usage(`${this.name}: no kernel for format ${format}`);
    if (!isCount(file) || file >= numFiles || !isCount(offset))
      throw usage(`${this.name}: it names a file that is not among the paths, or a negative offset`);
    for (const size of [rows, columns, rowsPerUnit])
      if (!isCount(size) || size === 0) throw usage(`${this.name}: a size is ${size}, not a positive integer`);
    this.#rowBytes = asUsage(() => rowBytes(format, columns));
    this.matrix = { ...matrix, rowsPerUnit: Math.min(rows, rowsPerUnit) };
    this.numUnits = Math.ceil(rows / this.matrix.rowsPerUnit);
    this.slotBytes = matrixSlotBytes(matrix);
    this.#row = new Float32Array(columns);
    this.#verified = checksum === null;
  }

  /** The place of a unit's bytes in the file. */
  placeOf(unit: number): { offset: number; bytes: number } {
    const { offset, rowsPerUnit } = this.matrix;
    return { offset: offset + unit * rowsPerUnit * this.#rowBytes, bytes: this.#rowsOf(unit) * this.#rowBytes };
  }

  /** Writes the products of a unit, which lies at the start of `slot`, to y[tokens, rows]. */
  multiply(unit: number, slot: Uint8Array, x: Float32Array, tokens: number, y: Float32Array): void {
    const { rows, columns, format, rowsPerUnit } = this.matrix;
    for (let r = 0; r < this.#rowsOf(unit); r++) {
      dequantize(format, slot, r * this.#rowBytes, columns, this.#row, 0);
      for (let t = 0; t < tokens; t++)
        y[t * rows + unit * rowsPerUnit + r] = dot(x, t * columns, this.#row, 0, columns);
    }
  }

  /** Adds a unit to the checksum of the matrix. Throws CORRUPT at the last one if it differs. */
  check(unit: number, slot: Uint8Array, path: string): void {
    if (this.#verified) return;
    const { offset, rows, checksum } = this.matrix;
    this.#checksum = crc32c(slot, unit === 0 ? 0 : this.#checksum, 0, this.placeOf(unit).bytes);
    if (unit + 1 < this.numUnits) return;
    if (this.#checksum !== checksum)
      throw new BridgeError(
        'CORRUPT',
        `${path} is damaged between ${offset} and ${offset + rows * this.#rowBytes}: a tensor does not match its checksum`,
        { path, offset },
      );
    this.#verified = true;
  }

  #rowsOf(unit: number): number {
    const { rows, rowsPerUnit } = this.matrix;
    return Math.min(rowsPerUnit, rows - unit * rowsPerUnit);
  }
}
