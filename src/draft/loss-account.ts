/** What drafts may lose in an answer: so many passes over one token, and this share of its passes besides. */
const LOSS_AT_ONCE = 1.5;
const LOSS_SHARE = 0.006;
/** What so many tokens of an answer may lose can be had in advance. */
const TOKENS_IN_ADVANCE = 100;
/** Besides, this share of the time that the prompt took, up to so many passes. */
const PROMPT_SHARE = 0.03;
const PROMPT_MOST = 0.6;
/**
 * What drafts have won and lost in an answer, ms, beside passes over one token without any. All that is tried is paid
 * from it, so that what all tries of an answer lose together is bounded.
 */
export class LossAccount {
  #won = 0;
  #tokens = 0;
  #promptMs = 0;
  /** A pass over one token without drafts, ms. */
  #passMs = 0;

  /** An answer begins, whose prompt took `promptMs`. */
  begin(promptMs: number): void {
    this.#won = 0;
    this.#tokens = 0;
    this.#promptMs = promptMs;
  }

  /** Tokens of this answer. */
  get tokens(): number {
    return this.#tokens;
  }

  /** A pass brought `tokens` and won `ms`, beside passes over one token, which take `passMs` each. */
  add(tokens: number, ms: number, passMs: number): void {
    this.#tokens += tokens;
    this.#won += ms;
    this.#passMs = passMs;
  }

  /** ms that may be lost at once. */
  get allowance(): number {
    const ofPrompt = Math.min(PROMPT_SHARE * this.#promptMs, PROMPT_MOST * this.#passMs);
    return this.#won + (LOSS_AT_ONCE + LOSS_SHARE * this.#tokens) * this.#passMs + ofPrompt;
  }

  /** ms beside the allowance that may be lost where the tokens to come may pay for it. */
  get advance(): number {
    return Math.max(0, TOKENS_IN_ADVANCE - this.#tokens) * LOSS_SHARE * this.#passMs;
  }

  /** `ms` went into a draft. */
  invest(ms: number): void {
    this.#won -= ms;
  }
}
