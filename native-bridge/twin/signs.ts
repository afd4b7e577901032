import { isCount, usage } from './errors.js';

/** bridge.ts, countAgreements. */
export function countAgreements(
  signs: Uint32Array,
  rows: number,
  columns: number,
  inputs: Uint32Array,
  tokens: number,
  agreement: Float32Array,
): void {
  for (const size of [rows, columns, tokens]) if (!isCount(size)) throw usage(`${size} is not a number of signs`);
  if (columns === 0) throw usage('signs need at least one column');
  const words = Math.ceil(columns / 32);
  if (signs.length < rows * words || inputs.length < tokens * words || agreement.length < tokens * rows)
    throw usage(`signs, inputs or agreement do not hold ${rows} rows of ${columns} columns for ${tokens} tokens`);
  for (let token = 0; token < tokens; token++) {
    for (let row = 0; row < rows; row++) {
      let differ = 0;
      for (let word = 0; word < words; word++) differ += ones(signs[row * words + word] ^ inputs[token * words + word]);
      agreement[token * rows + row] = columns - differ;
    }
  }
}

/** Bits set in a word, summed in pairs, nibbles and bytes. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
