import type { SpeculationReceipt } from '../../contract/receipt.js';

/** Adds up the passes that bring the tokens of an answer; passes over one token also by themselves. */
export class PassTotals {
  #passes = 0;
  #ran = 0;
  #brought = 0;
  #bytes = 0;
  /** Passes over one token. */
  single = 0;
  #singleMs = 0;
  #singleBytes = 0;

  /** A pass over `tokens` brought `brought` tokens in `ms`. `bytes` were read for all passes up to now. */
  add(tokens: number, brought: number, ms: number, bytes: number): void {
    this.#passes++;
    this.#ran += tokens;
    this.#brought += brought;
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
      drafted: this.#ran - this.#passes,
      accepted: this.#brought - this.#passes,
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
