import type { TokenLogprob } from '../../contract/token-logprob.js';
import type { TokenSpelling } from '../../text/tokenizer.js';
import { logSumExp, topLogProbabilities } from '../score.js';
import { sharedArray } from './shared-arrays.js';

/**
 * Log-probabilities of the tokens that are drawn: those that the model gave them, before penalties, biases, temperature
 * and formats.
 */
export class TokenLogprobs {
  readonly #count: number;
  readonly #spelling: TokenSpelling;
  /** The model's logits at the place at hand: what draws may change its own. */
  readonly #logits: Float32Array;

  /** `count`: how many of the likeliest tokens are told beside the one that is drawn. */
  constructor(count: number, vocabSize: number, spelling: TokenSpelling) {
    this.#count = count;
    this.#spelling = spelling;
    this.#logits = sharedArray('logits', vocabSize, (size) => new Float32Array(size));
  }

  /** Sees logits[vocabSize] of the next place. */
  see(logits: Float32Array): void {
    this.#logits.set(logits.subarray(0, this.#logits.length));
  }

  /** What is told where `id` was drawn there. */
  of(id: number): TokenLogprob {
    const top = this.#count > 0 ? topLogProbabilities(this.#logits, this.#count) : [];
    return {
      ...this.#spelled(id, this.#logits[id] - logSumExp(this.#logits)),
      top: top.map(([other, logprob]) => this.#spelled(other, logprob)),
    };
  }

  #spelled(token: number, logprob: number): Omit<TokenLogprob, 'top'> {
    const bytes = this.#spelling.bytes(token);
    const text = bytes.length > 0 ? Buffer.from(bytes).toString('utf8') : this.#spelling.token(token);
    return { token, text, bytes: [...bytes], logprob };
  }
}
