import type { RowFormat } from '../formats.js';

/** One matrix [rows, columns] that stays in memory, in the format of its file. */
export interface ResidentMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Memory held. */
  readonly bytes: number;
  /** y[tokens, rows] = x[tokens, columns] W^T. */
  matmul(x: Float32Array, tokens: number, y: Float32Array): void;
  /** y[rows] = the first `rows` rows times x[columns], to the bits of `matmul`. */
  multiplyFirst(x: Float32Array, rows: number, y: Float32Array): void;
  /**
   * The rows are `heads` matrices one after another, each for its own part of x: y[tokens, heads, rows / heads] =
   * x[tokens, heads, columns] W^T. Where `transposed`: y[tokens, heads, columns] = x[tokens, heads, rows / heads] W.
   */
  multiplyHeads(x: Float32Array, tokens: number, heads: number, transposed: boolean, y: Float32Array): void;
  /** Dequantizes one row into `into[columns]`. */
  row(index: number, into: Float32Array): void;
  /** CRC-32C of the bytes of `rows` rows, as they came from the file. */
  checksum(firstRow: number, rows: number): number;
  dispose(): void;
}

export interface MatrixSource {
  path: string;
  offset: number;
  /** Bytes from one row's start to the next's; at least the row's own bytes. */
  rowStride: number;
  rows: number;
  columns: number;
  format: RowFormat;
}
