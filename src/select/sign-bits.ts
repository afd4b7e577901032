import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';

/** The signs of a matrix [rows, columns], a bit each, 1 for negative: 1/32 of what f32 takes. */
export class SignBits {
  readonly rows: number;
  readonly columns: number;
  private readonly words: Uint32Array;
  private readonly inputs: Uint32Array;
  private readonly wordsPerRow: number;

  /** Signs of the dequantized values, compared with those of at most `maxTokens` inputs at once. */
  constructor(
    private readonly bridge: Bridge,
    matrix: ResidentMatrix,
    maxTokens: number,
  ) {
    const { rows, columns } = matrix;
    this.rows = rows;
    this.columns = columns;
    this.wordsPerRow = Math.ceil(columns / 32);
    this.words = new Uint32Array(rows * this.wordsPerRow);
    this.inputs = new Uint32Array(maxTokens * this.wordsPerRow);
    const row = new Float32Array(columns);
    for (let r = 0; r < rows; r++) {
      matrix.row(r, row);
      pack(row, 0, columns, this.words, r * this.wordsPerRow);
    }
  }

  /** agreement[tokens, rows]: in how many columns x[tokens, columns] and a row have the same sign. */
  agreement(x: Float32Array, tokens: number, agreement: Float32Array): void {
    const { rows, columns, words, inputs, wordsPerRow } = this;
    for (let token = 0; token < tokens; token++) pack(x, token * columns, columns, inputs, token * wordsPerRow);
    this.bridge.countAgreements(words, rows, columns, inputs, tokens, agreement);
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
