import type { SpeculationReceipt } from '../../contract/receipt.js';

interface CountedPass {
  tokens: number;
  certain: number;
  brought: number;
  ms: number;
  bytes: number;
}

/** Adds up the passes that bring the tokens of an answer; passes over one token also by themselves. */
export class PassTotals {
  #passes = 0;
  #ran = 0;
  #brought = 0;
  /** Tokens beside the first of each pass that the format left no choice about: all, and those of the text. */
  #certain = 0;
  #forced = 0;
  #bytes = 0;
  /** Passes over one token. */
  single = 0;
  #singleMs = 0;
  #singleBytes = 0;

  /**
   * A pass over `tokens`, of which `certain` beside the first had to come, brought `brought` tokens in `ms`. `bytes`
   * were read for all passes up to now.
   */
  add({ tokens, certain, brought, ms, bytes }: CountedPass): void {
    this.#passes++;
    this.#ran += tokens;
    this.#brought += brought;
    this.#certain += certain;
    this.#forced += Math.min(certain, brought - 1);
    if (tokens === 1) {
      this.single++;
      this.#singleMs += ms;
      this.#singleBytes += bytes - this.#bytes;
    }
    this.#bytes = bytes;
  }

  receipt(draft: SpeculationReceipt['draft']): SpeculationReceipt {
    return {
      draft,
      drafted: this.#ran - this.#passes - this.#certain,
      accepted: this.#brought - this.#passes - this.#forced,
      forced: this.#forced,
      tokensPerPass: ratio(this.#brought, this.#passes),
      bytesPerToken: ratio(this.#bytes, this.#brought),
      without: {
        tokensPerSecond: this.#singleMs > 0 ? (1e3 * this.single) / this.#singleMs : null,
        bytesPerToken: ratio(this.#singleBytes, this.single),
      },
    };
  }
}

const ratio = (sum: number, count: number): number | null => (count === 0 ? null : sum / count);
