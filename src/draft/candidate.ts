import { Acceptance } from './acceptance.js';

/** A draft token that takes more than this many times the usual is taken for that much: something else ran. */
const OUTLIER = 4;

export interface CandidateOptions {
  /** How often a token of each certainty was right in other texts, 0 to 1. */
  usualShares: readonly number[];
  /** The same of all tokens together; absent where that is not known. */
  typicalShare?: number;
  /** The same of tokens that may come in the place of a foretold one; absent where none are named. */
  usualOtherShares?: readonly number[];
  /**
   * ms that a foretold token takes, and one of a text that is caught up with, as timed before; 0 where it is free, null
   * where that is not known.
   */
  tokenMs: number | null;
  catchUpMs: number | null;
}

/**
 * A source of drafts as the governor knows it, and what it foretold for the pass that is being chosen: tokens one after
 * the other, and at each place others that may come there. A pass takes those that are likeliest in the text: each has
 * the chance that all before it are right, times its own. So none goes without those before it.
 */
export class Candidate {
  readonly acceptance: Acceptance;
  readonly isFree: boolean;
  /** ms that a foretold token takes, and one of a text that is caught up with; null before one was timed. */
  tokenMs: number | null;
  catchUpMs: number | null;
  /** The token of the answer for which it is asked although it is not worth its time. */
  probeAt = 0;
  /** Tokens foretold one after the other for this pass, and ms that they took. */
  foretoldCount = 0;
  spentMs = 0;
  /** Tokens that a pass may take of it. */
  count = 0;
  /** By the number of tokens, likeliest first: those that a pass over them is expected to bring. */
  readonly expected: Float64Array;
  readonly #others: Acceptance;
  /** The certainty of each foretold token, and of those in its place. */
  readonly #certainties: Int32Array;
  readonly #otherCertainties: number[][];
  /** Times that `tokenMs` is the mean of, that of the load among them. */
  #timed = 1;
  /** The chance that all that is foretold is right. */
  #reach = 1;
  /** Tokens by their chances, likeliest first: the place of each, and which of that place it is, 0 for the foretold. */
  readonly #chances: Float64Array;
  readonly #places: Int32Array;
  readonly #ranks: Int32Array;

  constructor(options: CandidateOptions, mostTokens: number) {
    const { usualShares, typicalShare, usualOtherShares = [], tokenMs, catchUpMs } = options;
    this.acceptance = new Acceptance(usualShares, typicalShare);
    this.#others = new Acceptance(usualOtherShares, undefined);
    this.isFree = tokenMs === 0;
    this.tokenMs = tokenMs;
    this.catchUpMs = catchUpMs;
    this.#certainties = new Int32Array(mostTokens);
    this.#otherCertainties = Array.from({ length: mostTokens }, () => []);
    this.#chances = new Float64Array(mostTokens);
    this.#places = new Int32Array(mostTokens);
    this.#ranks = new Int32Array(mostTokens);
    this.expected = new Float64Array(mostTokens + 1);
  }

  /** Another answer begins. */
  begin(): void {
    this.probeAt = 0;
    this.acceptance.begin();
    this.#others.begin();
  }

  /** Another pass comes. */
  open(): void {
    this.foretoldCount = 0;
    this.spentMs = 0;
    this.count = 0;
    this.expected[0] = 1;
    this.#reach = 1;
  }

  /** It foretold one more token, in `ms`. `others`: the certainties of those that may come in its place. */
  foretold(certainty: number, others: readonly number[], ms: number): void {
    const place = this.foretoldCount++;
    const before = this.#reach;
    this.#certainties[place] = certainty;
    this.#reach = before * this.acceptance.share(certainty);
    this.#insert(this.#reach, place, 0);
    const named = this.#otherCertainties[place];
    named.length = 0;
    for (const other of others) this.#insert(before * this.#others.share(other), place, named.push(other));
    for (let i = 0; i < this.count; i++) this.expected[i + 1] = this.expected[i] + this.#chances[i];
    if (this.isFree) return;
    const known = this.tokenMs ?? ms;
    const taken = Math.min(ms, OUTLIER * known);
    this.tokenMs = known + (taken - known) / Math.min(16, ++this.#timed);
    this.spentMs += taken;
  }

  #insert(chance: number, place: number, rank: number): void {
    const chances = this.#chances;
    let at = Math.min(this.count, chances.length - 1);
    if (this.count === chances.length && chances[at] >= chance) return;
    for (; at > 0 && chances[at - 1] < chance; at--) {
      chances[at] = chances[at - 1];
      this.#places[at] = this.#places[at - 1];
      this.#ranks[at] = this.#ranks[at - 1];
    }
    chances[at] = chance;
    this.#places[at] = place;
    this.#ranks[at] = rank;
    this.count = Math.min(this.count + 1, chances.length);
  }

  /** The place of the token that is number `index` by its chance. */
  place(index: number): number {
    return this.#places[index];
  }

  /** Which of its place that token is: 0 for the foretold one, 1 for the first in its place. */
  rank(index: number): number {
    return this.#ranks[index];
  }

  /** Tokens that are as likely as the last of `more` that it may foretell, each as likely as most. */
  before(more: number): number {
    const least = this.#reach * this.acceptance.typical ** more;
    let count = 0;
    while (count < this.count && this.#chances[count] >= least) count++;
    return count;
  }

  /** What a pass over `tokens` of it would be expected to bring if it foretold `more`, each as likely as most. */
  hoped(more: number, tokens: number): number {
    const { typical } = this.acceptance;
    let next = this.#reach * typical;
    let left = more;
    let sum = 1;
    let at = 0;
    for (let taken = 0; taken < tokens; taken++) {
      if (at < this.count && (left === 0 || this.#chances[at] >= next)) sum += this.#chances[at++];
      else if (left > 0) {
        sum += next;
        next *= typical;
        left--;
      }
    }
    return sum;
  }

  /** It ran `tokens` of a text that it lacked, in `ms`. */
  caughtUp(tokens: number, ms: number): void {
    const known = this.catchUpMs ?? ms / tokens;
    this.catchUpMs = known + (ms / tokens - known) / 2;
  }

  /**
   * Of what it foretold, the first `right` were right. `ends`: the next one was not; `rank`: which of those in its
   * place was, from 1, 0 where none was.
   */
  seen(right: number, ends: boolean, rank: number): void {
    for (let place = 0; place < right; place++) {
      this.acceptance.note(this.#certainties[place], true);
      for (const other of this.#otherCertainties[place]) this.#others.note(other, false);
    }
    if (!ends) return;
    this.acceptance.note(this.#certainties[right], false);
    for (const [i, other] of this.#otherCertainties[right].entries()) this.#others.note(other, i + 1 === rank);
  }
}
