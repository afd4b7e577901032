import { Acceptance } from './acceptance.js';
import { PassCosts } from './pass-costs.js';

/** What trying may lose: so many passes over one token, and this share of an answer's passes besides. */
const LOSS_AT_ONCE = 0.5;
const LOSS_SHARE = 0.01;
/**
 * Tokens between two looks at a draft that is not worth its time: so many at least, and so that looking costs this
 * share.
 */
const LEAST_REST = 16;
const PROBE_SHARE = 0.005;
/** What a draft may take to read a prompt, in passes over one token, before it has foretold anything. */
const VENTURE = 1;
/** What an older pass counts beside the next one in the speed that drafts are measured by. */
const KEPT = 0.95;

/** A source of drafts, as the governor knows it. */
interface Record {
  acceptance: Acceptance;
  /** ms that a foretold token takes; null before one was timed. */
  ms: number | null;
  /** ms that a token takes of a text that it catches up with; null before that was timed. */
  catchUpMs: number | null;
  /** The same as `ms`, in passes over one token, as it is expected; 0 where it takes no time that counts. */
  usualCost: number;
}

export interface GovernorOptions {
  /** Tokens of the largest pass. */
  mostTokens: number;
  /** Whether tokens of one pass read different weights. */
  readsGrow: boolean;
  usualShares: readonly number[];
  /** What a foretold token is expected to take before one was timed, in passes over one token. */
  usualCost: number;
}

/**
 * Decides, pass by pass, how many tokens are foretold and how many of them are verified: as many as bring most tokens
 * for their time, by what passes over 1, 2, 3... tokens have taken and by how often the draft was right. None where
 * they lose. It knows times and counts alone: what it decides changes when the tokens come, never which.
 *
 * A pass over m tokens more brings E(m) = 1 + p1 + p1 p2 + ... tokens and takes T(m + 1) ms, beside d ms for each token
 * that is foretold. With λ, the tokens per ms of late, the best m has the largest E - λ (T + m d): over many passes
 * this gives the largest number of tokens per ms (W. Dinkelbach, "On nonlinear fractional programming", 1967).
 *
 * What is not known yet has to be tried. What all tries of an answer may lose beside passes over one token is bounded.
 */
export class Governor {
  readonly #costs: PassCosts;
  readonly #source: Record;
  readonly #mostTokens: number;
  /** Tokens of late, and the ms that they took. */
  #lateTokens = 0;
  #lateMs = 0;
  /** ms that drafts have won in this answer, beside passes over one token; lost where it is below 0. */
  #won = 0;
  /** Whether a draft has caught up with this text before. */
  #ventured = false;
  /** Tokens of this answer so far. */
  #tokens = 0;
  /** The token of this answer for which a draft that is not worth its time is asked all the same. */
  #probeAt = 0;

  // The pass that is being chosen.
  #most = 0;
  /** Of the tokens foretold: the certainty of each, the chance that all up to it are right, and E up to it. */
  readonly #certainties: Int32Array;
  readonly #reach: Float64Array;
  readonly #expected: Float64Array;
  #foretold = 0;
  /** ms that they took. */
  #spentMs = 0;

  constructor({ mostTokens, readsGrow, usualShares, usualCost }: GovernorOptions) {
    this.#mostTokens = mostTokens;
    this.#costs = new PassCosts(mostTokens, readsGrow);
    this.#source = { acceptance: new Acceptance(usualShares), ms: null, catchUpMs: null, usualCost };
    this.#certainties = new Int32Array(mostTokens);
    this.#reach = new Float64Array(mostTokens + 1);
    this.#expected = new Float64Array(mostTokens + 1);
  }

  /** An answer begins. What was learned of passes and drafts stays. */
  begin(): void {
    this.#won = 0;
    this.#ventured = false;
    this.#tokens = 0;
    this.#probeAt = 0;
    this.#source.acceptance.begin();
  }

  /** A pass over one token, ms; null before there was one. */
  get passMs(): number | null {
    return this.#costs.one > 0 ? this.#costs.one : null;
  }

  /**
   * Tokens that a draft may run to catch up, of `wanted`: what it takes may be lost. So much is ventured once, and what
   * drafts have won in this answer.
   */
  affordable(wanted: number): number {
    const { catchUpMs, usualCost } = this.#source;
    const each = catchUpMs ?? (usualCost * this.#costs.one) / 3;
    const venture = this.#ventured ? 0 : VENTURE * this.#costs.one;
    return Math.min(wanted, Math.floor(Math.max(0, this.#won + this.#allowed + venture) / each));
  }

  /** A draft ran `tokens` to catch up, in `ms`. */
  caughtUp(tokens: number, ms: number): void {
    const source = this.#source;
    const each = ms / tokens;
    source.catchUpMs = source.catchUpMs === null ? each : source.catchUpMs + (each - source.catchUpMs) / 4;
    this.#won -= this.#ventured ? ms : Math.max(0, ms - VENTURE * this.#costs.one);
    this.#ventured = true;
  }

  /** A pass comes, with room for `most` foretold tokens. */
  open(most: number): void {
    this.#most = Math.min(most, this.#mostTokens - 1);
    this.#foretold = 0;
    this.#spentMs = 0;
    this.#reach[0] = 1;
    this.#expected[0] = 1;
  }

  /** Whether one more token should be foretold. */
  get asks(): boolean {
    const count = this.#foretold;
    if (count >= this.#most) return false;
    const { ms, usualCost, acceptance } = this.#source;
    if (usualCost === 0) return true;
    const cost = ms ?? usualCost * this.#costs.one;
    // Passes over one token have to be known, and not of old: all else is measured by them.
    if (!this.#costs.isKnown(1) || this.#won + this.#allowed < 0) return false;
    const now = this.#value(this.#best());
    let reach = this.#reach[count];
    let expected = this.#expected[count];
    let isWorthIt = false;
    for (let more = 1; count + more <= this.#most; more++) {
      reach *= acceptance.typical;
      expected += reach;
      const tokens = count + more + 1;
      if (expected - this.#rate * (this.#costs.expected(tokens) + more * cost) <= now) continue;
      if (this.#mayLose(tokens, expected)) return true;
      isWorthIt = true;
    }
    if (isWorthIt) return false;
    return count === 0 && this.#tokens >= this.#probeAt;
  }

  /** One more token was foretold, with a certainty, in `ms`. */
  foretold(certainty: number, ms: number): void {
    const source = this.#source;
    const count = this.#foretold++;
    this.#certainties[count] = certainty;
    this.#reach[count + 1] = this.#reach[count] * source.acceptance.share(certainty);
    this.#expected[count + 1] = this.#expected[count] + this.#reach[count + 1];
    if (source.usualCost === 0) return;
    source.ms = source.ms === null ? ms : source.ms + (ms - source.ms) / 16;
    this.#spentMs += ms;
  }

  /** How many of the tokens that were foretold the pass should verify. */
  close(): number {
    return this.#costs.isKnown(1) && this.#won + this.#allowed >= 0 ? this.#best() : 0;
  }

  /**
   * A pass over `tokens` took `ms`, and brought `brought` tokens. `isRight`: whether the token that came after them is
   * the one that was foretold for its place; null where none was.
   */
  ran(tokens: number, ms: number, brought: number, isRight: boolean | null): void {
    const { acceptance } = this.#source;
    for (let i = 0; i < brought - 1; i++) acceptance.note(this.#certainties[i], true);
    if (isRight !== null && brought <= this.#foretold) acceptance.note(this.#certainties[brought - 1], isRight);
    this.#costs.note(tokens, ms);
    if (tokens > 1) this.#won += brought * this.#costs.oneAtLeast - ms;
    this.#won -= this.#spentMs;
    this.#tokens += brought;
    if (this.#spentMs > 0) this.#planProbe(isRight === true || brought > 1);
    this.#lateTokens = this.#lateTokens * KEPT + brought;
    this.#lateMs = this.#lateMs * KEPT + ms + this.#spentMs;
  }

  /**
   * A draft that was wrong is left alone for some tokens: what it takes to ask again stays a small share of theirs. One
   * that was right is asked again at once.
   */
  #planProbe(wasRight: boolean): void {
    const rest = Math.max(LEAST_REST, this.#spentMs / (PROBE_SHARE * this.#costs.one));
    this.#probeAt = this.#tokens + (wasRight ? 0 : rest);
  }

  /** λ: no slower than passes over one token. */
  get #rate(): number {
    return Math.max(this.#lateTokens / this.#lateMs, 1 / this.#costs.oneAtLeast);
  }

  /** ms that this answer may lose by now. */
  get #allowed(): number {
    return (LOSS_AT_ONCE + LOSS_SHARE * this.#tokens) * this.#costs.one;
  }

  /** The best number of the tokens that were foretold. What they took is spent. */
  #best(): number {
    let best = 0;
    for (let count = 1; count <= this.#foretold; count++)
      if (this.#mayLose(count + 1, this.#expected[count]) && this.#value(count) > this.#value(best)) best = count;
    return best;
  }

  #value(count: number): number {
    return this.#expected[count] - this.#rate * this.#costs.expected(count + 1);
  }

  /**
   * Whether a pass over `tokens` that is expected to bring `expected` may be tried: what it is likely to lose is
   * bounded.
   */
  #mayLose(tokens: number, expected: number): boolean {
    if (this.#costs.isKnown(tokens)) return true;
    return (
      this.#costs.isNear(tokens) &&
      this.#costs.worst(tokens) - expected * this.#costs.oneAtLeast <= this.#won + this.#allowed
    );
  }
}
