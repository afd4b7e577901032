import type { MatrixSource, ResidentMatrix } from '../bridge.js';
import type { Addon, NativeMatrix, NativePool } from './exports.js';
import { guarded } from './guarded.js';
import { formatId } from './numbers.js';

export class AddonMatrix implements ResidentMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly #native: NativeMatrix;

  constructor(addon: Addon, pool: NativePool, source: MatrixSource) {
    this.#native = guarded(() => new addon.Matrix(pool, { ...source, format: formatId(source.format) }));
    this.rows = source.rows;
    this.columns = source.columns;
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  matmul(x: Float32Array, tokens: number, y: Float32Array): void {
    guarded(() => this.#native.matmul(x, tokens, y));
  }

  multiplyFirst(x: Float32Array, rows: number, y: Float32Array): void {
    guarded(() => this.#native.multiplyFirst(x, rows, y));
  }

  multiplyHeads(x: Float32Array, tokens: number, heads: number, transposed: boolean, y: Float32Array): void {
    guarded(() => this.#native.multiplyHeads(x, tokens, heads, transposed, y));
  }

  row(index: number, into: Float32Array): void {
    guarded(() => this.#native.row(index, into));
  }

  checksum(firstRow: number, rows: number): number {
    return guarded(() => this.#native.checksum(firstRow, rows));
  }

  dispose(): void {
    this.#native.dispose();
  }
}
