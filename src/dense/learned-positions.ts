import * as fs from 'node:fs';
import { dequantize } from '../../native-bridge/blocks.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';

/** A learned vector for each position, added to the embedding; read from the file as they are needed, neighbours together. */
export class LearnedPositions {
  readonly #tensor: TensorOnDisk;
  readonly #offset: number;
  readonly #fd: number;
  readonly #bytes: Uint8Array;
  readonly #rows: Float32Array;

  /** Position p has row `offset + p` of the table; at most `maxTokens` are asked for at once. */
  constructor(tensor: TensorOnDisk, offset: number, maxTokens: number) {
    this.#tensor = tensor;
    this.#offset = offset;
    const [, columns] = tensor.shape;
    this.#bytes = new Uint8Array(maxTokens * rowBytes(tensor.format, columns));
    this.#rows = new Float32Array(maxTokens * columns);
    this.#fd = openFile(tensor.path);
  }

  /** Adds those of positions `position`.. to x[tokens, hiddenSize]. */
  add(position: number, tokens: number, x: Float32Array): void {
    const { path, offset, format, shape } = this.#tensor;
    const [, columns] = shape;
    const stride = rowBytes(format, columns);
    readFully(this.#fd, path, offset + (this.#offset + position) * stride, this.#bytes.subarray(0, tokens * stride));
    dequantize(format, this.#bytes, 0, tokens * columns, this.#rows, 0);
    for (let i = 0; i < tokens * columns; i++) x[i] += this.#rows[i];
  }

  dispose(): void {
    fs.closeSync(this.#fd);
  }
}
