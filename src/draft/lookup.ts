import type { DraftSource } from './draft-source.js';

/** Lists of pairs of tokens with the same hash: as many as a context has tokens, within these bounds. */
const LEAST_LISTS = 1 << 8;
const MOST_LISTS = 1 << 14;
/** Earlier places that are looked at for each token. */
const TRIES = 64;
/** A longer match says no more. */
const LONGEST = 24;
/** The least match of each certainty, in tokens. */
const MATCHES = [2, 3, 4, 5, 7, 10, 16];
/** A match of so many tokens is followed beyond tokens that differ, up to so many in a row: an edit replaces some. */
const FOLLOWED = 8;
const MOST_DIFFERENT = 3;
/** A match of fewer tokens says less than the place that was followed, which says as much as one of so many. */
const SHORT = 4;
/** Shares of right tokens by match, as code, edits and summaries have them. */
const USUAL_SHARES = [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/**
 * Foretells that a text repeats itself ("prompt lookup"): it finds the longest end of the text that stands earlier in
 * prompt or answer, and says what followed there. Where a text was followed for long and some tokens then differ, it
 * goes on behind as many tokens there. An index of pairs of tokens grows with the text: for each token two
 * numbers are written, and nothing is allocated.
 */
export class LookupDraft implements DraftSource {
  readonly name = 'lookup';
  readonly usualShares = USUAL_SHARES;
  readonly tokenMs = 0;
  readonly catchUpMs = 0;
  readonly isReady = true;
  id = 0;
  certainty = 0;
  readonly lacking = 0;
  readonly leftOut = 0;
  /** Prompt, answer and what was foretold. */
  readonly #ids: Int32Array;
  /** Tokens of prompt and answer, and those that were foretold after them. */
  #length = 0;
  #foretold = 0;
  /** By hash, the last place at which such a pair of tokens ends; -1 where there is none. */
  readonly #last: Int32Array;
  /** By place, the place before it in the same list. */
  readonly #before: Int32Array;
  /** Where the next token to foretell stands; -1 where nothing matches, and before it was looked for. */
  #from = -1;
  #matched = 0;
  #searched = false;
  /**
   * The earlier place that the text is followed at, -1 without one; the tokens that differ or are the same up to it.
   */
  #along = -1;
  #different = 0;
  #same = 0;

  /** `most`: tokens that are foretold at most between two of the text. */
  constructor(contextSize: number, most: number) {
    this.#last = new Int32Array(listsFor(contextSize));
    this.#ids = new Int32Array(contextSize + 1 + most);
    this.#before = new Int32Array(contextSize + 1);
  }

  begin(prompt: readonly number[]): void {
    this.#length = 0;
    this.#along = -1;
    this.#last.fill(-1);
    for (const id of prompt) this.push(id);
  }

  end(): void {}

  async catchUp(): Promise<number> {
    return 0;
  }

  push(id: number): void {
    const at = this.#length++;
    this.#ids[at] = id;
    this.#foretold = 0;
    this.#searched = false;
    this.#follow(id);
    if (at === 0) return;
    const list = hash(this.#ids[at - 1], id) & (this.#last.length - 1);
    this.#before[at] = this.#last[list];
    this.#last[list] = at;
  }

  foretell(): boolean {
    if (!this.#searched) this.#search();
    const at = this.#length + this.#foretold;
    if (this.#from < 0 || at === this.#ids.length) return false;
    this.id = this.#ids[this.#from + this.#foretold];
    this.certainty = certaintyOf(this.#matched + this.#foretold);
    // A text that repeats itself without end goes on with what was foretold of it.
    this.#ids[at] = this.id;
    this.#foretold++;
    return true;
  }

  /** Finds the longest match of the end of the text, the latest of several. */
  #search(): void {
    this.#searched = true;
    this.#from = -1;
    this.#matched = MATCHES[0] - 1;
    const end = this.#length - 1;
    if (end < 1) return;
    let place = this.#before[end];
    for (let tries = 0; place >= 1 && tries < TRIES && this.#matched < LONGEST; tries++) {
      const matched = this.#match(place, end);
      if (matched > this.#matched) {
        this.#matched = matched;
        this.#from = place + 1;
      }
      place = this.#before[place];
    }
    if (this.#matched >= FOLLOWED) {
      this.#along = this.#from - 1;
      this.#different = 0;
      this.#same = this.#matched;
    } else if (this.#along >= 0 && this.#matched < SHORT) {
      this.#from = this.#along + 1;
      this.#matched = SHORT + this.#same;
    }
  }

  /** The text goes on with `id`, and so does the place that it is followed at. */
  #follow(id: number): void {
    if (this.#along < 0) return;
    this.#along++;
    if (this.#ids[this.#along] === id) {
      this.#different = 0;
      this.#same++;
      return;
    }
    this.#same = 0;
    if (++this.#different > MOST_DIFFERENT) this.#along = -1;
  }

  /** The tokens before two places, themselves included, that are the same, up to LONGEST. */
  #match(place: number, end: number): number {
    const ids = this.#ids;
    let matched = 0;
    while (matched <= place && matched < LONGEST && ids[place - matched] === ids[end - matched]) matched++;
    return matched;
  }
}

const listsFor = (contextSize: number): number =>
  2 ** Math.ceil(Math.log2(Math.max(LEAST_LISTS, Math.min(MOST_LISTS, contextSize))));

/** Bytes of the index and the text, for a context of so many tokens and `most` foretold ones. */
export const lookupBytes = (contextSize: number, most: number): number =>
  4 * (listsFor(contextSize) + 2 * (contextSize + 1) + most);

/** 14 bits. */
const hash = (first: number, second: number): number =>
  (Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)) >>> 18;

function certaintyOf(matched: number): number {
  let certainty = MATCHES.length - 1;
  while (certainty > 0 && matched < MATCHES[certainty]) certainty--;
  return certainty;
}
