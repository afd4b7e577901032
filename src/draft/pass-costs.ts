import { RisingMeans } from './rising-means.js';

/**
 * Passes after which a measurement counts as old: so many for each time that it was made, up to a most. What a pass
 * over one token takes is the measure of all else, and costs little to measure again.
 */
const OLD_AFTER = 60;
const ONE_OLD_AFTER = 4;
const OLD_AT_MOST = 160;
/** The weight of a new measurement, once there are several. */
const NEW_SHARE = 0.15;
/** A measurement above this many times what is known is taken for that much: something else ran. */
const OUTLIER = 3;
/** By how much measurements differ from their mean before that was seen, and as how many of them that counts. */
const USUAL_NOISE = 0.04;
const USUAL_COUNT = 3;
/** The mean of n measurements may be off by so many times that, divided by the square root of n. */
const DOUBT = 1.5;
/** A mean that forgets is that of so many at most. */
const MOST_COUNTED = 12;
/** What a token more is hoped to cost, in passes over one token, before it is known. */
const HOPED_STEP = 0.1;

/**
 * What a pass over some tokens costs, ms, as measured. A pass over few tokens that waits for the disk costs hardly more
 * than a pass over one; where all is in memory, or each token brings experts of its own, it does.
 */
export class PassCosts {
  /** By the number of tokens: the mean, how often it was measured, and at which pass last. */
  readonly #means: Float64Array;
  readonly #counts: Uint32Array;
  readonly #at: Float64Array;
  /** The same, as far as means count. */
  readonly #weights: Float64Array;
  /** How long passes waited for the disk, in the mean. */
  readonly #waits: Float64Array;
  /** The means, none less than that of fewer tokens. */
  readonly #rising: RisingMeans;
  readonly #readsGrow: boolean;
  #passes = 0;
  /** The sum and the number of the shares by which measurements differed from what was known. */
  #differed = USUAL_NOISE * USUAL_COUNT;
  #compared = USUAL_COUNT;
  /** The share of a pass over one token that is not spent waiting for the disk. */
  #busyShare = 1;

  /** `readsGrow`: whether tokens of one pass read different weights, as in a mixture of experts. */
  constructor(mostTokens: number, readsGrow: boolean) {
    this.#means = new Float64Array(mostTokens + 1);
    this.#weights = new Float64Array(mostTokens + 1);
    this.#waits = new Float64Array(mostTokens + 1);
    this.#rising = new RisingMeans(mostTokens + 1);
    this.#counts = new Uint32Array(mostTokens + 1);
    this.#at = new Float64Array(mostTokens + 1);
    this.#readsGrow = readsGrow;
  }

  /** Notes that a pass over `tokens` took `ms`, of which it waited `waitMs` for the disk. */
  note(tokens: number, ms: number, waitMs: number): void {
    this.#passes++;
    if (tokens === 1 && ms > 0)
      this.#busyShare += (1 - waitMs / ms - this.#busyShare) * Math.max(2 * NEW_SHARE, 1 / (this.#counts[1] + 1));
    this.#compare(tokens, ms);
    const known = this.#means[tokens];
    const count = this.#counts[tokens]++;
    const taken = count > 2 ? Math.min(ms, OUTLIER * known) : ms;
    const share = Math.max(this.isKnown(tokens) ? NEW_SHARE : 2 * NEW_SHARE, 1 / (count + 1));
    this.#means[tokens] = known + (taken - known) * share;
    this.#waits[tokens] += (Math.min(waitMs, taken) - this.#waits[tokens]) * share;
    this.#at[tokens] = this.#passes;
    this.#weights[tokens] = Math.min(MOST_COUNTED, count + 1);
    this.#rising.fit(this.#means, this.#weights);
  }

  /** How far a measurement is from what was known says how much one can be trusted. */
  #compare(tokens: number, ms: number): void {
    // The first of its length can only be found too low.
    const known = this.#counts[tokens] > 0 ? this.#ms[tokens] : Math.max(ms, this.one);
    if (this.#counts[tokens] === 0 && known === ms) return;
    this.#differed += Math.min(1, Math.abs(ms / known - 1));
    this.#compared++;
  }

  get #ms(): Float64Array {
    return this.#rising.means;
  }

  /** Passes read for `ms` longer; shorter where that is less than none. Those that computed meanwhile do not change. */
  readLonger(ms: number): void {
    for (let tokens = 1; tokens < this.#means.length; tokens++) {
      if (this.#counts[tokens] === 0) continue;
      const change = ms < 0 ? Math.max(ms, -this.#waits[tokens]) : Math.max(0, ms - this.#idle(this.#means[tokens]));
      this.#means[tokens] += change;
      this.#waits[tokens] += change;
    }
    this.#rising.fit(this.#means, this.#weights);
  }

  /** How long the disk has nothing to do in a pass of `ms`: one over one token waits for it all the time. */
  #idle(ms: number): number {
    return this.waitShare > 0 ? Math.max(0, ms - this.one) : 0;
  }

  /** `expected`, where a pass reads for `ms` longer. */
  expectedReading(tokens: number, ms: number): number {
    const expected = this.expected(tokens);
    return expected + Math.max(0, ms - this.#idle(expected));
  }

  /** Whether a pass over so many tokens was measured, and not long ago. */
  isKnown(tokens: number): boolean {
    const after = tokens === 1 ? ONE_OLD_AFTER : OLD_AFTER;
    return this.#passes - this.#at[tokens] < Math.min(OLD_AT_MOST, after * this.#counts[tokens]);
  }

  /** A pass over one token, ms; 0 before the first one. */
  get one(): number {
    return this.#ms[1];
  }

  /** The share of a pass over one token that is spent waiting for the disk. */
  get waitShare(): number {
    return 1 - this.#busyShare;
  }

  /** The same as `one`, on the safe side: what few measurements say may be too much. */
  get oneAtLeast(): number {
    return this.one * (1 - this.#doubt(1));
  }

  /** What a measured pass over `tokens` takes, on the safe side. Single passes over all of them take no more. */
  atMost(tokens: number): number {
    return Math.min(tokens * this.one, this.#ms[tokens] * (1 + this.#doubt(tokens)));
  }

  #doubt(tokens: number): number {
    const noise = this.#differed / this.#compared;
    return (DOUBT * noise) / Math.sqrt(Math.min(MOST_COUNTED, this.#rising.weights[tokens]));
  }

  /**
   * What a pass over `tokens` is expected to take: over several on the safe side, so that noise is no reason to choose
   * them. Where that is not known, what may be hoped for.
   */
  expected(tokens: number): number {
    if (!this.isKnown(tokens)) return this.#between(tokens, this.#hopedStep);
    return tokens === 1 ? this.one : this.atMost(tokens);
  }

  /** The most that a pass over `tokens` is likely to take. Single passes over all of them take no more. */
  worst(tokens: number): number {
    if (this.isKnown(tokens)) return this.atMost(tokens);
    return Math.min(tokens * this.one, this.#between(tokens, measuredStep));
  }

  /** What a token more costs at most, where only passes over one were measured: their computing, and no reads. */
  get #firstStep(): number {
    return this.one * (this.#readsGrow ? 1 : this.#busyShare);
  }

  /** Whether so many tokens are at most twice as many as were measured: costs may rise, so tries go step by step. */
  isNear(tokens: number): boolean {
    let known = this.#ms.length - 1;
    while (known > 1 && !this.isKnown(known)) known--;
    return tokens <= 2 * known;
  }

  readonly #hopedStep = (measured: number, from: number): number => {
    const hoped = HOPED_STEP * this.one;
    if (!this.#readsGrow) return Math.min(measured, hoped);
    return from === 1 ? 3 * hoped : measured;
  };

  /** From the nearest known lengths: between two of them in a line, beyond the last by a step for each token. */
  #between(tokens: number, stepOf: (measured: number, from: number) => number): number {
    let below = tokens - 1;
    while (below > 1 && !this.isKnown(below)) below--;
    let above = tokens + 1;
    while (above < this.#ms.length && !this.isKnown(above)) above++;
    const from = this.#ms[below];
    if (above < this.#ms.length) return from + ((this.#ms[above] - from) * (tokens - below)) / (above - below);
    const measured = below === 1 ? this.#firstStep : (from - this.one) / (below - 1);
    return from + stepOf(Math.max(0, measured), below) * (tokens - below);
  }
}

const measuredStep = (measured: number): number => measured;
