import * as fs from 'node:fs';
import { dequantize } from '../../native-bridge/blocks.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';

/** A learned vector for each position, added to the embedding; read from the file as they are needed, neighbours together. */
export class LearnedPositions {
  readonly #tensor: TensorOnDisk;
  readonly #offset: number;
  readonly #fd: number;

  /** Position p has row `offset + p` of the table. */
  constructor(tensor: TensorOnDisk, offset: number) {
    this.#tensor = tensor;
    this.#offset = offset;
    this.#fd = openFile(tensor.path);
  }

  /** Adds those of positions `position`.. to x[tokens, hiddenSize]. */
  add(position: number, tokens: number, x: Float32Array): void {
    const { path, offset, format, shape } = this.#tensor;
    const [, columns] = shape;
    const bytes = new Uint8Array(tokens * rowBytes(format, columns));
    readFully(this.#fd, path, offset + (this.#offset + position) * rowBytes(format, columns), bytes);
    const rows = new Float32Array(tokens * columns);
    dequantize(format, bytes, 0, rows.length, rows, 0);
    for (let i = 0; i < rows.length; i++) x[i] += rows[i];
  }

  dispose(): void {
    fs.closeSync(this.#fd);
  }
}
