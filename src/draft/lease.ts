import type { Candidate } from './candidate.js';
import { Foretellable } from './foretellable.js';
import type { LossAccount } from './loss-account.js';
import type { PassCosts } from './pass-costs.js';
import { Rent } from './rent.js';

/** A draft that is to get memory should be so many times as fast as the answer is without. */
const LEAST_PROMISE = 1.12;
/** A draft that is the model itself may lose so many passes over one token more, once it is asked for. */
const BELIEVED = 0.5;
/** Where passes wait for the disk for so much of their time, those over several tokens cost hardly more. */
const LONG_WAIT = 0.6;
/** A promise that was not kept is remembered for so many answers. */
const DOUBTED_ANSWERS = 4;
/** Where a text is less sure than this, a draft that is the model itself wins little at best (SELF-05). */
const LEAST_SURE = 0.7;
/** A pass brings so many tokens more by those that stand beside the one that was wrong. */
const USUAL_BESIDE = 0.3;
/**
 * What a token of a draft is expected to take before one was timed, in passes over one token; that of the model itself
 * in what such a pass computes (SELF-06).
 */
const UNTIMED_COST = 0.25;
const KIN_COST = 0.3;

export interface LeaseOptions {
  /** The share of the bytes of a pass over one token that the cache would save with the memory of the draft. */
  rentShare: number;
  /** Whether the draft has its memory, and not the cache. */
  isHeld: boolean;
  /** Where the draft is the model itself in a coarser form, how often it is right beside others. */
  kinship: number | undefined;
  /** How often the draft is right, by how sure the model is. */
  usualShares: readonly number[];
  /** Tokens of the largest pass. */
  mostTokens: number;
}

/** What the governor that a lease belongs to knows. */
export interface LeaseParts {
  costs: PassCosts;
  account: LossAccount;
  /** The draft that the memory is for. */
  draft: Candidate;
}

/**
 * Who has the memory of a draft: the draft, or the cache. It says when it should change hands: back to the cache where
 * the draft does not win as much as that costs, and to the draft where the text promises it. Nothing moves by itself.
 */
export class Lease {
  readonly #parts: LeaseParts;
  readonly #mostTokens: number;
  readonly #rent: Rent;
  readonly #text: Foretellable;
  /** Whether the draft is the model itself. */
  readonly #isKin: boolean;
  readonly #kinship: number;
  /** Whether the draft was given the memory in this answer for what the text promises. */
  #isBelieved = false;
  /** Answers in which it is not, as it was wrong about one. */
  #doubted = 0;

  constructor({ rentShare, isHeld, kinship, usualShares, mostTokens }: LeaseOptions, parts: LeaseParts) {
    this.#parts = parts;
    this.#mostTokens = mostTokens;
    this.#rent = new Rent(rentShare, isHeld);
    this.#text = new Foretellable(usualShares);
    this.#isKin = kinship !== undefined;
    this.#kinship = kinship ?? 1;
  }

  /** Another answer begins. */
  begin(): void {
    this.#isBelieved = false;
    if (this.#doubted > 0) this.#doubted--;
    this.#rent.begin();
    this.#text.begin();
  }

  /** The share of a pass over one token that the memory would save, 0 where the cache has it. */
  get share(): number {
    return this.#rent.share;
  }

  /** The same where the draft could leave its memory to the cache at once, 0 for others. */
  get kinShare(): number {
    return this.#isKin ? this.#rent.share : 0;
  }

  /**
   * ms that may be lost beside what the account allows. Another model was named, and each pass that it does not help
   * costs the more by its memory: of texts of which it foretells half, every third begins with too many of these
   * (DRAFT-09).
   */
  get creditMs(): number {
    const { account, costs } = this.#parts;
    if (this.#isKin) return this.#isBelieved ? BELIEVED * costs.one : 0;
    return this.share > 0 && costs.waitShare > LONG_WAIT ? account.advance : 0;
  }

  /** What a token of the draft takes, ms, or is expected to take before one was timed. */
  get tokenMs(): number {
    const { costs, draft } = this.#parts;
    return draft.tokenMs ?? (this.#isKin ? KIN_COST * (1 - costs.waitShare) : UNTIMED_COST) * costs.one;
  }

  /** ms in which the draft catches up with a token. */
  get catchUpMs(): number {
    return this.#parts.draft.catchUpMs ?? UNTIMED_COST * this.#parts.costs.one;
  }

  /** Whether the cache should get the memory, where `allowanceMs` may be lost. Looked at between passes. */
  givesBack(allowanceMs: number): boolean {
    if (this.share === 0) return false;
    // The model itself is asked again once it is sure of this text, too.
    if (this.#isKin && this.#parts.account.tokens === 0) return true;
    return this.#rent.isTooMuch || allowanceMs < this.#fillMs;
  }

  /** The cache has it. It reads what it has memory for now in the next pass. */
  gaveBack(): void {
    if (this.#isBelieved) this.#doubted = DOUBTED_ANSWERS;
    this.#parts.account.invest(this.#fillMs);
    this.rested();
  }

  /** The cache has it for an answer that no draft takes part in, which says nothing of the draft. */
  rested(): void {
    const { costs } = this.#parts;
    costs.readLonger((this.#rent.gaveBack() - 1) * costs.one);
  }

  /** What a pass takes longer that reads what the cache gets memory for. */
  get #fillMs(): number {
    return this.share * this.#parts.costs.one;
  }

  /** The model drew a token of the text, of which it was so certain: what the draft would say of itself. */
  watched(certainty: number): void {
    this.#text.saw(certainty);
  }

  /** Of the tokens of the text, of which the model was so certain, the draft foretold the first `right` rightly. */
  compared(certainties: readonly number[], right: number, ends: boolean): void {
    for (let i = 0; i < Math.min(certainties.length, right + Number(ends)); i++)
      this.#text.note(certainties[i], i < right);
  }

  /**
   * Whether the draft should get the memory, if that takes `ms`, and it has to catch up with `tokens` then. `ventureMs`
   * may go into it; of late the answer had `lateSpeed` tokens per ms.
   */
  takes(ms: number, tokens: number, ventureMs: number, lateSpeed: number): boolean {
    if (!this.#rent.isWanted) return false;
    const { one } = this.#parts.costs;
    // And the cache would have to read it again.
    const spentMs = ms + tokens * this.catchUpMs + this.#rent.wholeShare * one;
    if (this.#isKin && this.#text.share < LEAST_SURE) return false;
    if (!this.#canBelieve && spentMs > ventureMs) return false;
    return this.#promised > LEAST_PROMISE * Math.max(lateSpeed, 1 / one);
  }

  /** Whether the draft may get its memory for what the text promises, beside what may be lost. */
  get #canBelieve(): boolean {
    return this.#isKin && !this.#isBelieved && this.#doubted === 0;
  }

  /** Tokens per ms that the draft would bring with the memory, as the text looks. */
  get #promised(): number {
    const { costs } = this.#parts;
    const share = this.#kinship * this.#text.share;
    const readingMs = (1 / (1 - this.#rent.wholeShare) - 1) * costs.one;
    let best = 0;
    let expected = 1;
    let reach = 1;
    for (let count = 1; count < this.#mostTokens; count++) {
      reach *= share;
      expected += reach;
      const passMs = costs.expectedReading(count + 1, readingMs);
      best = Math.max(best, (expected + USUAL_BESIDE) / (passMs + count * this.tokenMs));
    }
    return best;
  }

  /** The draft has it, after `ms`. */
  took(ms: number): void {
    const { account, costs } = this.#parts;
    if (this.#canBelieve) this.#isBelieved = true;
    else account.invest(ms);
    costs.readLonger((1 / this.#rent.took() - 1) * costs.one);
  }

  /**
   * A pass brought `tokens`. It is expected to take `ms`, where its tokens would take `otherwiseMs` if free sources
   * alone were asked.
   */
  passed(tokens: number, ms: number, otherwiseMs: number): void {
    const { one, waitShare } = this.#parts.costs;
    this.#rent.passed(tokens, waitShare, ms / one, otherwiseMs / one);
  }
}
