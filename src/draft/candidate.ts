import { Acceptance } from './acceptance.js';

/** A draft token that takes more than this many times the usual is taken for that much: something else ran. */
const OUTLIER = 4;

export interface CandidateOptions {
  /** How often a token of each certainty was right in other texts, 0 to 1. */
  usualShares: readonly number[];
  /** The same of all tokens together; absent where that is not known. */
  typicalShare?: number;
  /**
   * ms that a foretold token takes, and one of a text that is caught up with, as timed before; 0 where it is free, null
   * where that is not known.
   */
  tokenMs: number | null;
  catchUpMs: number | null;
}

/** A source of drafts as the governor knows it, and what it foretold for the pass that is being chosen. */
export class Candidate {
  readonly acceptance: Acceptance;
  readonly isFree: boolean;
  /** ms that a foretold token takes, and one of a text that is caught up with; null before one was timed. */
  tokenMs: number | null;
  catchUpMs: number | null;
  /** The token of the answer for which it is asked although it is not worth its time. */
  probeAt = 0;
  /** Tokens foretold for this pass, and ms that they took. */
  count = 0;
  spentMs = 0;
  /** The certainty of each. */
  readonly #certainties: Int32Array;
  /**
   * By the number of tokens: the chance that all of them are right, and the tokens that a pass is expected to bring.
   */
  readonly reach: Float64Array;
  readonly expected: Float64Array;

  constructor({ usualShares, typicalShare, tokenMs, catchUpMs }: CandidateOptions, mostTokens: number) {
    this.acceptance = new Acceptance(usualShares, typicalShare);
    this.isFree = tokenMs === 0;
    this.tokenMs = tokenMs;
    this.catchUpMs = catchUpMs;
    this.#certainties = new Int32Array(mostTokens);
    this.reach = new Float64Array(mostTokens + 1);
    this.expected = new Float64Array(mostTokens + 1);
  }

  /** Another answer begins. */
  begin(): void {
    this.probeAt = 0;
    this.acceptance.begin();
  }

  /** Another pass comes. */
  open(): void {
    this.count = 0;
    this.spentMs = 0;
    this.reach[0] = 1;
    this.expected[0] = 1;
  }

  /** It foretold one more token, in `ms`. */
  foretold(certainty: number, ms: number): void {
    const count = this.count++;
    this.#certainties[count] = certainty;
    this.reach[count + 1] = this.reach[count] * this.acceptance.share(certainty);
    this.expected[count + 1] = this.expected[count] + this.reach[count + 1];
    if (this.isFree) return;
    const known = this.tokenMs ?? ms;
    const taken = Math.min(ms, OUTLIER * known);
    this.tokenMs = known + (taken - known) / 16;
    this.spentMs += taken;
  }

  /** It ran `tokens` of a text that it lacked, in `ms`. */
  caughtUp(tokens: number, ms: number): void {
    const known = this.catchUpMs ?? ms / tokens;
    this.catchUpMs = known + (ms / tokens - known) / 2;
  }

  /** Of what it foretold, the first `right` were right. `ends`: the next one was not. */
  seen(right: number, ends: boolean): void {
    for (let i = 0; i < right; i++) this.acceptance.note(this.#certainties[i], true);
    if (ends) this.acceptance.note(this.#certainties[right], false);
  }
}
