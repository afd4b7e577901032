import { rmsNorm } from '../dense/norm.js';
import type { Rotary } from '../dense/rotary.js';
import type { Compression } from '../model/compressed-tensors.js';
import type { PendingRows } from './pending-rows.js';

/**
 * Makes one key of the positions that it stands for: for each number of it a softmax of their gates weighs their values
 * (llama.cpp, deepseek4.cpp). Keys that overlap are also made of as many positions before, whose numbers are the first
 * half of a row, and their own the second. The key passes a norm, and turns as at the first of its own positions.
 */
export class KeyCompressor {
  readonly #compression: Compression;
  readonly #size: number;
  readonly #first: number;
  readonly #norm: Float32Array;
  readonly #epsilon: number;
  readonly #rotary: Rotary;
  readonly #start = new Int32Array(1);
  /** By position that a key is made of, the page that its row is on, and where on it. */
  readonly #pages: Float32Array[] = [];
  readonly #offsets: number[] = [];

  /** Rows have values of the key's numbers from column `first` on, and then gates. `rotary` turns keys one by one. */
  constructor(
    compression: Compression,
    {
      size,
      first,
      norm,
      epsilon,
      rotary,
    }: { size: number; first: number; norm: Float32Array; epsilon: number; rotary: Rotary },
  ) {
    this.#compression = compression;
    this.#size = size;
    this.#first = first;
    this.#norm = norm;
    this.#epsilon = epsilon;
    this.#rotary = rotary;
  }

  /** key[size] = key number `number`. */
  make(number: number, rows: PendingRows, key: Float32Array): void {
    const { ratio, overlaps } = this.#compression;
    const begin = number * ratio;
    // The first key has nothing before it.
    const before = overlaps && number > 0 ? ratio : 0;
    this.#pages.length = 0;
    this.#offsets.length = 0;
    for (let position = begin - before; position < begin + ratio; position++) {
      this.#pages.push(rows.page(position));
      this.#offsets.push(rows.offset(position));
    }
    this.#pool(before, key);
    rmsNorm(key, 1, this.#norm, this.#epsilon, key);
    this.#start[0] = begin;
    this.#rotary.apply(key, 1, 1, this.#start);
  }

  /** Weighs the rows, of which `before` are of positions before the key's own. */
  #pool(before: number, key: Float32Array): void {
    const [size, pages, offsets] = [this.#size, this.#pages, this.#offsets];
    const width = this.#compression.overlaps ? 2 * size : size;
    for (let i = 0; i < size; i++) {
      const earlier = this.#first + i;
      const own = earlier + width - size;
      let largest = Number.NEGATIVE_INFINITY;
      for (let row = 0; row < pages.length; row++) {
        const gate = pages[row][offsets[row] + (row < before ? earlier : own) + width];
        // Written so that NaN is found too.
        if (!(gate <= largest)) largest = gate;
      }
      let sum = 0;
      let total = 0;
      for (let row = 0; row < pages.length; row++) {
        const at = offsets[row] + (row < before ? earlier : own);
        const weight = Math.exp(pages[row][at + width] - largest);
        total += weight;
        sum += weight * pages[row][at];
      }
      key[i] = sum / total;
    }
  }
}
