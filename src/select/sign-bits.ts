import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';

/** The signs of a matrix [rows, columns], a bit each, 1 for negative. They take 1/32 of the memory of f32. */
export class SignBits {
  readonly rows: number;
  readonly columns: number;
  readonly #words: Uint32Array;
  readonly #inputs: Uint32Array;
  readonly #wordsPerRow: number;

  /** Takes the signs of the dequantized values. `maxTokens` inputs at most are compared at once. */
  readonly #bridge: Bridge;

  constructor(bridge: Bridge, matrix: ResidentMatrix, maxTokens: number) {
    this.#bridge = bridge;
    const { rows, columns } = matrix;
    this.rows = rows;
    this.columns = columns;
    this.#wordsPerRow = Math.ceil(columns / 32);
    this.#words = new Uint32Array(rows * this.#wordsPerRow);
    this.#inputs = new Uint32Array(maxTokens * this.#wordsPerRow);
    const row = new Float32Array(columns);
    for (let r = 0; r < rows; r++) {
      matrix.row(r, row);
      pack(row, 0, columns, this.#words, r * this.#wordsPerRow);
    }
  }

  /** Writes to agreement[tokens, rows] in how many columns x[tokens, columns] and a row have the same sign. */
  agreement(x: Float32Array, tokens: number, agreement: Float32Array): void {
    const { rows, columns } = this;
    const inputs = this.#inputs;
    for (let token = 0; token < tokens; token++) pack(x, token * columns, columns, inputs, token * this.#wordsPerRow);
    this.#bridge.countAgreements(this.#words, rows, columns, inputs, tokens, agreement);
  }
}

function pack(values: Float32Array, from: number, count: number, words: Uint32Array, at: number): void {
  for (let i = 0; i < count; i += 32) {
    const end = Math.min(32, count - i);
    let word = 0;
    for (let bit = 0; bit < end; bit++) if (values[from + i + bit] < 0) word |= 1 << bit;
    words[at + (i >> 5)] = word;
  }
}
