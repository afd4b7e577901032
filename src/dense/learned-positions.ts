import * as fs from 'node:fs';
import { dequantize } from '../../native-bridge/blocks.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';

/**
 * Learned vectors by position, which are added to the embedding. They are read from the file when needed, neighbours
 * together.
 */
export class LearnedPositions {
  readonly #tensor: TensorOnDisk;
  readonly #offset: number;
  readonly #fd: number;
  readonly #bytes: Uint8Array;
  readonly #rows: Float32Array;

  /**
   * `tensor` is [offset + contextLength, hiddenSize]: position p has row `offset + p`. One call asks for at most
   * `maxTokens`.
   */
  constructor(tensor: TensorOnDisk, offset: number, maxTokens: number) {
    this.#tensor = tensor;
    this.#offset = offset;
    const [, columns] = tensor.shape;
    this.#bytes = new Uint8Array(maxTokens * rowBytes(tensor.format, columns));
    this.#rows = new Float32Array(maxTokens * columns);
    this.#fd = openFile(tensor.path);
  }

  /** x[tokens, hiddenSize] += the vectors of positions[tokens]. */
  add(positions: ArrayLike<number>, tokens: number, x: Float32Array): void {
    const { path, offset, format, shape } = this.#tensor;
    const [, columns] = shape;
    const stride = rowBytes(format, columns);
    for (let first = 0; first < tokens; ) {
      let end = first + 1;
      while (end < tokens && positions[end] === positions[end - 1] + 1) end++;
      const bytes = this.#bytes.subarray(first * stride, end * stride);
      readFully(this.#fd, path, offset + (this.#offset + positions[first]) * stride, bytes);
      first = end;
    }
    dequantize(format, this.#bytes, 0, tokens * columns, this.#rows, 0);
    for (let i = 0; i < tokens * columns; i++) x[i] += this.#rows[i];
  }

  dispose(): void {
    fs.closeSync(this.#fd);
  }
}
