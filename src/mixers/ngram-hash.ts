import type { NgramsSpec } from '../model/spec.js';

/** Limbs of 16 bits, the lowest first: their products with a token, and sums of these, are exact in doubles. */
const [LIMBS, LIMB] = [4, 65536];

/**
 * The rows of a table that n-grams bring (llama.cpp, qwen4exp.cpp): of each n-gram that ends at a token, from two
 * tokens on, a hash of 64 bits modulo the rows of each head. The hash is the exclusive or of its tokens' products with
 * factors.
 */
export class NgramHash {
  readonly #ngrams: NgramsSpec;
  /** [size][LIMBS] */
  readonly #factors: number[][];
  readonly #hash = new Uint16Array(LIMBS);

  constructor(ngrams: NgramsSpec) {
    this.#ngrams = ngrams;
    this.#factors = ngrams.multipliers.map((digits) =>
      Array.from({ length: LIMBS }, (_, limb) => Number((BigInt(digits) >> BigInt(16 * limb)) & 0xffffn)),
    );
  }

  /**
   * Writes the rows of a token into rows[at..], all of the n-grams of two tokens first. context[0] is its id,
   * context[i] that of the token i before it; it is `endId` from the first one on that ends a text, or that there is
   * none.
   */
  rows(context: ArrayLike<number>, rows: Int32Array, at: number): void {
    const { size, headsPerNgram, numRows, firstRows } = this.#ngrams;
    this.#hash.fill(0);
    this.#mix(context[0], 0);
    for (let tokens = 2; tokens <= size; tokens++) {
      this.#mix(context[tokens - 1], tokens - 1);
      for (let i = 0; i < headsPerNgram; i++) {
        const head = (tokens - 2) * headsPerNgram + i;
        rows[at + head] = firstRows[head] + this.#modulo(numRows[head]);
      }
    }
  }

  /** The hash becomes its exclusive or with an id's product, of 64 bits. */
  #mix(id: number, place: number): void {
    const factor = this.#factors[place];
    let carry = 0;
    for (let limb = 0; limb < LIMBS; limb++) {
      const sum = id * factor[limb] + carry;
      carry = Math.floor(sum / LIMB);
      this.#hash[limb] ^= sum % LIMB;
    }
  }

  #modulo(divisor: number): number {
    let rest = 0;
    for (let limb = LIMBS - 1; limb >= 0; limb--) rest = (rest * LIMB + this.#hash[limb]) % divisor;
    return rest;
  }
}
