/** What an answer's tries may lose: so many passes over one token, and this share of its passes besides. */
const LOSS_AT_ONCE = 0.65;
const LOSS_SHARE = 0.006;
/** Passes that may go into a draft before it has won anything: into its reading of the text, and into its load. */
const VENTURE = 0.8;
const LOAD = 0.5;
/** The share of what is for reading the text that a load may take besides. */
const LOAD_SHARE = 0.7;

/**
 * What drafts have won and lost in an answer, ms, beside passes over one token without any. All that is tried is paid
 * from it, so that what all tries of an answer lose together is bounded.
 */
export class LossAccount {
  #won = 0;
  #ventured = 0;
  #tokens = 0;
  /** A pass over one token without drafts, ms. */
  #passMs = 0;

  /** An answer begins. */
  begin(): void {
    this.#won = 0;
    this.#ventured = 0;
    this.#tokens = 0;
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
    return this.#won + (LOSS_AT_ONCE + LOSS_SHARE * this.#tokens) * this.#passMs;
  }

  /** ms that may go into a draft: what is ventured in every answer, and what was won. */
  get venture(): number {
    return Math.max(0, VENTURE * this.#passMs - this.#ventured) + Math.max(0, this.#won);
  }

  /** Whether a load that takes `ms` may be paid. */
  mayLoad(ms: number): boolean {
    return ms <= LOAD * this.#passMs + LOAD_SHARE * this.venture;
  }

  /** A load took `ms`. */
  loaded(ms: number): void {
    this.invest(Math.max(0, ms - LOAD * this.#passMs));
  }

  /** `ms` went into a draft. */
  invest(ms: number): void {
    const ventured = Math.min(ms, Math.max(0, VENTURE * this.#passMs - this.#ventured));
    this.#ventured += ventured;
    this.#won -= ms - ventured;
  }
}
