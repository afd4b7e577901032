import { Candidate, type CandidateOptions } from './candidate.js';
import type { DraftSource } from './draft-source.js';
import { Lease } from './lease.js';
import { LossAccount } from './loss-account.js';
import { PassCosts } from './pass-costs.js';

/**
 * Tokens between two looks at a draft that is not worth its time: so many at least, and so that looking costs this
 * share.
 */
const LEAST_REST = 16;
const PROBE_SHARE = 0.005;
/**
 * A pass may bring so much of what was expected beside its first token, and its loss has to be allowed; so much where
 * none is.
 */
const UNLUCKY = 0.4;
const UNLUCKIEST = 0.15;
/** Tries of a draft that has read the text may lose so many passes over one token, or more. */
const LEAST_TRY = 0.4;
/** One pass may lose so many passes over one token. */
const MOST_AT_ONCE = 1.1;
/** Less than this share more is no gain that noise could not have made. */
const LEAST_GAIN = 0.02;
/** So many times the speed of passes over one token is no error of what those take. */
const CLEAR_GAIN = 1.3;
/** What an older pass counts beside the next one in the speed that drafts are measured by. */
const KEPT = 0.95;

export interface GovernorOptions {
  /** Tokens of the largest pass. */
  mostTokens: number;
  /** Whether tokens of one pass read different weights. */
  readsGrow: boolean;
  /** The sources of drafts. They are called by their place in this list. At most one takes time: the last. */
  sources: readonly (CandidateOptions & Pick<DraftSource, 'kinship'>)[];
  /** The share of the bytes of a pass over one token that the cache would save with the memory of a draft. */
  rentShare: number;
  /** Whether the draft has its memory, and not the cache. */
  isHeld?: boolean;
}

/** What a governor is told of a pass. */
export interface RanPass {
  tokens: number;
  /** Tokens beside the first that had to come, and came. */
  certain: number;
  /** Tokens that are part of the text. */
  brought: number;
  /** How long it took, and how long of that it waited for the disk. */
  ms: number;
  waitMs: number;
}

/**
 * Decides, pass by pass, which source foretells tokens, how many, and how many of them are verified: as many as bring
 * most tokens for their time, by what passes over 1, 2, 3... tokens have taken and by how often the source was right.
 * None where they lose. It knows times and counts alone: what it decides changes when the tokens come, never which.
 *
 * A pass over m tokens more brings E(m) = 1 + p1 + p1 p2 + ... tokens and takes T(m + 1) ms, beside d ms for each token
 * that is foretold. With λ, the tokens per ms of late, the best m has the largest E - λ (T + m d): over many passes
 * this gives the largest number of tokens per ms (W. Dinkelbach, "On nonlinear fractional programming", 1967).
 *
 * What is not known yet has to be tried. What all tries of an answer may lose beside passes over one token is bounded:
 * those that the cache would have with the memory of the draft, if a draft holds memory.
 */
export class Governor {
  readonly #costs: PassCosts;
  readonly #candidates: readonly Candidate[];
  readonly #mostTokens: number;
  readonly #account = new LossAccount();
  /** Of the last source. */
  readonly #lease: Lease;
  /** Tokens of late, and the ms that they took. */
  #lateTokens = 0;
  #lateMs = 0;
  /** Tokens that may be foretold for the pass that is being chosen. */
  #most = 0;
  /** The best choice so far: a source, and how many of its tokens the pass verifies. */
  #chosen = 0;
  #count = 0;

  constructor({ mostTokens, readsGrow, sources, rentShare, isHeld = true }: GovernorOptions) {
    this.#mostTokens = mostTokens;
    this.#costs = new PassCosts(mostTokens, readsGrow);
    this.#candidates = sources.map((source) => new Candidate(source, mostTokens));
    const { usualShares, kinship } = sources[sources.length - 1];
    this.#lease = new Lease(
      { rentShare, isHeld, kinship, usualShares, mostTokens },
      { costs: this.#costs, account: this.#account, draft: this.#candidates[sources.length - 1] },
    );
  }

  /** An answer begins, whose prompt took `promptMs`. What was learned of passes and drafts stays. */
  begin(promptMs: number): void {
    this.#account.begin(promptMs);
    // The speed of this text, whatever the last one's was.
    this.#lateTokens = 0;
    this.#lateMs = 0;
    this.#lease.begin();
    for (const candidate of this.#candidates) candidate.begin();
  }

  /**
   * Tokens that the last source may run to catch up, of `wanted`: what they take may be lost. So much is ventured once,
   * and what drafts have won in this answer.
   */
  affordable(wanted: number): number {
    return Math.min(wanted, Math.floor(this.#venture / this.#lease.catchUpMs));
  }

  /** ms that may be lost at once. */
  get #allowance(): number {
    return this.#account.allowance + this.#lease.creditMs;
  }

  /** ms that may go into a draft before it foretells anything: what is left after one try of it. */
  get #venture(): number {
    const { one } = this.#costs;
    const tried = Math.max(LEAST_TRY * one, this.#costs.worst(2) - one);
    return Math.max(0, this.#allowance - tried);
  }

  /** A source ran `tokens` to catch up, in `ms`. */
  caughtUp(source: number, tokens: number, ms: number): void {
    this.#candidates[source].caughtUp(tokens, ms);
    this.#account.invest(ms);
  }

  /** Whether the cache should get the memory of the draft. Looked at between passes. */
  get givesBack(): boolean {
    return this.#lease.givesBack(this.#allowance);
  }

  /** The cache has it. */
  gaveBack(): void {
    this.#lease.gaveBack();
  }

  /** The cache has it for an answer that no draft takes part in. */
  rested(): void {
    this.#lease.rested();
  }

  /** The model drew a token of the text, of which it was so certain: what the last source would say of itself. */
  watched(certainty: number): void {
    this.#lease.watched(certainty);
  }

  /** Whether the last source should get the memory, if that takes `ms`, and it has to catch up with `tokens` then. */
  takes(ms: number, tokens: number): boolean {
    return this.#lease.takes(ms, tokens, this.#venture, this.#lateSpeed);
  }

  /** The draft has it, after `ms`. */
  took(ms: number): void {
    this.#lease.took(ms);
  }

  /** A pass comes, with room for `most` foretold tokens. Sources are asked in their order. */
  open(most: number): void {
    this.#most = Math.min(most, this.#mostTokens - 1);
    for (const candidate of this.#candidates) candidate.open();
  }

  /** Whether a source should foretell one more token. */
  asks(source: number): boolean {
    const candidate = this.#candidates[source];
    const { foretoldCount } = candidate;
    const tokenMs = candidate.tokenMs ?? this.#lease.tokenMs;
    if (foretoldCount >= this.#most) return false;
    if (candidate.isFree) return true;
    if (!this.#isMeasured || this.#allowance < 0) return false;
    this.#choose();
    const now = this.#value(this.#chosen, this.#count);
    let isWorthIt = false;
    for (let more = 1; foretoldCount + more <= this.#most; more++) {
      const last = Math.min(this.#most, candidate.count + more);
      for (let count = candidate.before(more) + more; count <= last; count++) {
        const expected = candidate.hoped(more, count);
        if (expected - this.#rate * (this.#costs.expected(count + 1) + more * tokenMs) <= now) continue;
        if (this.#mayLose(count + 1, expected, candidate.spentMs + more * tokenMs)) return true;
        isWorthIt = true;
      }
    }
    if (isWorthIt) return false;
    return foretoldCount === 0 && this.#account.tokens >= candidate.probeAt;
  }

  /**
   * A source foretold one more token, with a certainty, in `ms`. `others`: the certainties of those that may come in
   * its place.
   */
  foretold(source: number, certainty: number, others: readonly number[], ms: number): void {
    this.#candidates[source].foretold(certainty, others, ms);
  }

  /** Decides. Returns how many tokens of the source `chosen` the pass should verify, those with the best chances. */
  close(): number {
    this.#choose();
    if (!this.#isMeasured) this.#count = 0;
    return this.#count;
  }

  /** The place of a token that the pass should verify, counted from the first that was foretold. */
  place(index: number): number {
    return this.#candidates[this.#chosen].place(index);
  }

  /** Which of its place it is: 0 for the token that was foretold, 1 for the first that may come in its place. */
  rank(index: number): number {
    return this.#candidates[this.#chosen].rank(index);
  }

  /** The source that was decided for. */
  get chosen(): number {
    return this.#chosen;
  }

  /**
   * What the text says of what a source foretold: the first `right` tokens were right. `ends`: the next was not; `rank`
   * says which of those in its place was, from 1, 0 for none. `certainties`: how certain the model was of the tokens
   * that came; empty where nobody watched.
   */
  seen(source: number, right: number, ends: boolean, rank: number, certainties: readonly number[] = []): void {
    const candidate = this.#candidates[source];
    candidate.seen(right, ends, rank);
    if (source === this.#candidates.length - 1) this.#lease.compared(certainties, right, ends);
    if (candidate.spentMs > 0) this.#planProbe(candidate, right > 0);
  }

  /** A pass has run. What is certain would have shared one without any draft, too: drafts won nothing by that. */
  ran({ tokens, certain, brought, ms, waitMs }: RanPass): void {
    const costs = this.#costs;
    costs.note(tokens, ms, waitMs);
    this.#payRent(brought);
    const spentMs = this.#candidates.reduce((sum, candidate) => sum + candidate.spentMs, 0);
    const passMs = costs.oneAtLeast * (1 - this.#lease.share);
    // What it takes in the mean: luck with one pass must not pay for the next try.
    const taken = tokens === 1 ? costs.oneAtLeast : costs.atMost(tokens);
    const shared = certain === 0 ? 0 : Math.max(0, (certain + 1) * passMs - costs.expected(certain + 1));
    this.#account.add(brought, brought * passMs - taken - spentMs - shared, passMs);
    this.#lateTokens = this.#lateTokens * KEPT + brought;
    this.#lateMs = this.#lateMs * KEPT + ms + spentMs;
  }

  /** What this pass is expected to take, and what its tokens would take if free sources alone were asked. */
  #payRent(brought: number): void {
    const costs = this.#costs;
    const last = this.#candidates[this.#candidates.length - 1];
    if (last.isFree) return;
    this.#choose();
    const tokens = this.#candidates[this.#chosen].expected[this.#count];
    const ms = costs.expected(this.#count + 1) + last.spentMs;
    this.#choose(this.#candidates.length - 1);
    const freeTokens = this.#candidates[this.#chosen].expected[this.#count];
    this.#lease.passed(brought, ms, (tokens / freeTokens) * costs.expected(this.#count + 1));
  }

  /**
   * A draft that was wrong is left alone for some tokens: what it takes to ask again stays a small share of theirs. One
   * that was right is asked again at once.
   */
  #planProbe(candidate: Candidate, wasRight: boolean): void {
    const rest = Math.max(LEAST_REST, candidate.spentMs / (PROBE_SHARE * this.#costs.one));
    candidate.probeAt = this.#account.tokens + (wasRight ? 0 : rest);
  }

  /**
   * Whether passes over one token are known, by which all else is measured: and not of old, where drafts win so little
   * that it could be an error of that.
   */
  get #isMeasured(): boolean {
    const { one } = this.#costs;
    return one > 0 && (this.#costs.isKnown(1) || this.#lateTokens * one > CLEAR_GAIN * this.#lateMs);
  }

  /** Tokens per ms of late; 0 before the first pass. */
  get #lateSpeed(): number {
    return this.#lateMs === 0 ? 0 : this.#lateTokens / this.#lateMs;
  }

  /** λ: no slower than passes over one token. */
  get #rate(): number {
    return Math.max(this.#lateSpeed, 1 / this.#costs.oneAtLeast);
  }

  /** Makes the best choice among what the first `sources` have foretold. What that took is spent. */
  #choose(sources = this.#candidates.length): void {
    this.#chosen = 0;
    this.#count = 0;
    let most = this.#value(0, 0);
    for (let source = 0; source < sources; source++) {
      const { count, expected } = this.#candidates[source];
      for (let tokens = 1; tokens <= Math.min(this.#most, count); tokens++) {
        const value = this.#value(source, tokens);
        if (value <= most || !this.#mayLose(tokens + 1, expected[tokens])) continue;
        most = value;
        this.#chosen = source;
        this.#count = tokens;
      }
    }
  }

  #value(source: number, count: number): number {
    const expected = this.#candidates[source].expected[count] * (count > 0 ? 1 - LEAST_GAIN : 1);
    return expected - this.#rate * this.#costs.expected(count + 1);
  }

  /**
   * Whether a pass over `tokens` that is expected to bring `expected`, and whose draft takes `ms`, may be tried: what
   * it loses where only a part of what was foretold is right has to be allowed.
   */
  #mayLose(tokens: number, expected: number, ms = 0): boolean {
    const costs = this.#costs;
    if (!costs.isKnown(tokens) && !costs.isNear(tokens)) return false;
    const allowed = Math.max(0, Math.min(this.#allowance, MOST_AT_ONCE * costs.one));
    const unlucky = 1 + (allowed > 0 ? UNLUCKY : UNLUCKIEST) * (expected - 1);
    // The model itself could leave its memory to the cache, and passes would be shorter.
    const passMs = costs.oneAtLeast * (1 - this.#lease.kinShare);
    return ms + costs.worst(tokens) - unlucky * passMs <= allowed;
  }
}
