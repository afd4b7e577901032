import * as fs from 'node:fs';
import { dequantize } from '../../native-bridge/blocks.js';
import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import { openFile, readFully, type TensorOnDisk } from './tensor-on-disk.js';
import { scaleBy } from './vectors.js';

/** Embedding rows by id: read from the file, one read a token, or taken from a tied head, which is resident anyway. */
export class Embedding {
  readonly #tensor: TensorOnDisk;
  readonly #resident: ResidentMatrix | null;
  readonly #row: Uint8Array;
  #fd: number | null;

  /** `tensor` is [vocabSize, hiddenSize]; `resident` is the same matrix on the bridge, or null to read the file. */
  constructor(tensor: TensorOnDisk, resident: ResidentMatrix | null) {
    this.#tensor = tensor;
    this.#resident = resident;
    this.#row = new Uint8Array(rowBytes(tensor.format, tensor.shape[1]));
    this.#fd = resident ? null : openFile(tensor.path);
  }

  /**
   * x[ids.length, hiddenSize] = the rows of `ids`. Throws BAD_USAGE, with x untouched, if an id is not in the
   * vocabulary.
   */
  rows(ids: ArrayLike<number>, x: Float32Array): void {
    const [vocabSize, columns] = this.#tensor.shape;
    for (let i = 0; i < ids.length; i++) {
      if (Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabSize) continue;
      throw new FlashrowError(
        'BAD_USAGE',
        `token id ${ids[i]} at index ${i} is not in the vocabulary; ids are 0 to ${vocabSize - 1}`,
        { id: ids[i], index: i, vocabSize },
      );
    }
    for (let i = 0; i < ids.length; i++) {
      if (this.#resident) {
        this.#resident.row(ids[i], x.subarray(i * columns, (i + 1) * columns));
      } else {
        readFully(this.#fd!, this.#tensor.path, this.#tensor.offset + ids[i] * this.#row.length, this.#row);
        dequantize(this.#tensor.format, this.#row, 0, columns, x, i * columns);
        if (this.#tensor.factor !== undefined) scaleBy(x.subarray(i * columns), columns, this.#tensor.factor);
      }
    }
  }

  dispose(): void {
    if (this.#fd !== null) fs.closeSync(this.#fd);
    this.#fd = null;
  }
}
