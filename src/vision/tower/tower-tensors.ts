import type { Bridge } from '../../../native-bridge/bridge.js';
import { rowBytes } from '../../../native-bridge/formats.js';
import { asFlashrowError } from '../../disk/bridge-errors.js';
import { damagedTensor, type ReadableSourceTensor, type SourceTensor } from '../../import/source-tensor.js';
import { SourceTensorTable } from '../../import/source-tensor-table.js';
import { numRows, TensorReader } from '../../import/tensor-reader.js';

/** Neighbouring rows of a matrix. */
export interface Rows {
  first: number;
  rows: number;
}

/** The tensors of a checkpoint with a tower. Each is read where it lies, when it is needed. */
export class TowerTensors {
  readonly #path: string;
  readonly #table: SourceTensorTable;
  readonly #found: ReadonlyMap<string, SourceTensor>;

  /** `path` is the checkpoint's, for messages. */
  constructor(path: string, found: ReadonlyMap<string, SourceTensor>) {
    this.#path = path;
    this.#table = new SourceTensorTable(path, found);
    this.#found = found;
  }

  has(name: string): boolean {
    return this.#found.has(name);
  }

  /** The first of `prefixes` under which there is a tensor `name`; the first of all where there is none. */
  prefix(prefixes: readonly string[], name: string): string {
    return prefixes.find((prefix) => this.has(prefix + name)) ?? prefixes[0];
  }

  /** The checked tensor. Throws CORRUPT where it is missing or of another shape, UNSUPPORTED for its type. */
  checked(name: string, shape: readonly number[]): ReadableSourceTensor {
    return this.#table.readable(name, shape);
  }

  /**
   * A matrix [rows, columns] in memory; `shape` is its shape in the file, of which it may be some rows. Throws as
   * `checked`, and IO.
   */
  matrix(bridge: Bridge, name: string, shape: readonly number[], some: Rows = { first: 0, rows: shape[0] }) {
    const { path, offset: start, format } = this.checked(name, shape);
    const { rows } = some;
    const columns = shape.slice(1).reduce((product, size) => product * size, 1);
    const rowStride = rowBytes(format, columns);
    const offset = start + some.first * rowStride;
    try {
      return bridge.loadMatrix({ path, offset, rowStride, rows, columns, format });
    } catch (error) {
      throw asFlashrowError(error);
    }
  }

  /** All values of a tensor, widened to f32. Throws as `checked`, and IO. */
  values(name: string, shape: readonly number[]): Float32Array {
    const tensor = this.checked(name, shape);
    const reader = new TensorReader();
    try {
      return reader.readFloats(tensor, 0, numRows(tensor));
    } finally {
      reader.close();
    }
  }

  /** The shape of a tensor in its file. Throws CORRUPT where it is missing. */
  shape(name: string): readonly number[] {
    const found = this.#found.get(name);
    if (!found) throw damagedTensor(this.#path, name, 'is missing');
    return found.shape;
  }

  /** Bytes of a tensor in its file; 0 where it is missing. */
  bytes(name: string): number {
    return this.#found.get(name)?.bytes ?? 0;
  }
}
