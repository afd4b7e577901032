import type { ResidentMatrix } from '../../native-bridge/bridge.js';

/** The signs of a matrix [rows, columns], a bit each, 1 for negative: 1/32 of what f32 takes. */
export class SignBits {
  private readonly words: Uint32Array;
  private readonly input: Uint32Array;
  private readonly wordsPerRow: number;

  private constructor(
    readonly rows: number,
    readonly columns: number,
  ) {
    this.wordsPerRow = Math.ceil(columns / 32);
    this.words = new Uint32Array(rows * this.wordsPerRow);
    this.input = new Uint32Array(this.wordsPerRow);
  }

  /** Signs of the dequantized values. */
  static of(matrix: ResidentMatrix): SignBits {
    const bits = new SignBits(matrix.rows, matrix.columns);
    const row = new Float32Array(matrix.columns);
    for (let r = 0; r < matrix.rows; r++) {
      matrix.row(r, row);
      pack(row, 0, matrix.columns, bits.words, r * bits.wordsPerRow);
    }
    return bits;
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  /** agreement[tokens, rows]: in how many columns x[tokens, columns] and a row have the same sign. */
  agreement(x: Float32Array, tokens: number, agreement: Float32Array): void {
    const { rows, columns, wordsPerRow, words, input } = this;
    for (let token = 0; token < tokens; token++) {
      pack(x, token * columns, columns, input, 0);
      for (let r = 0, at = 0; r < rows; r++) {
        let differ = 0;
        for (let w = 0; w < wordsPerRow; w++) differ += ones(words[at++] ^ input[w]);
        agreement[token * rows + r] = columns - differ;
      }
    }
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

/** Bits set in a word, summed in pairs, nibbles and bytes. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
