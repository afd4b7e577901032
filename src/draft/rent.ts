/** What an older pass counts beside the next one. */
const KEPT = 0.93;
/**
 * Before anything was seen, a draft is believed to win so much in a pass, in passes over one token; at least so many
 * times what its memory costs, for otherwise it was not asked for.
 */
const BELIEVED = 0.4;
const BELIEVED_RENTS = 1.5;
/** Tokens of an answer after which a draft that was let go in it is tried again. */
const REST_TOKENS = 24;
/** Another answer tries it at once; one of so many where it has lost for that many answers. */
const MOST_SKIPPED = 4;

/**
 * What the memory of a draft costs, and whether the draft is worth it. While the draft has the memory, the cache is
 * smaller, and each pass reads more. Where it does not win as much, the cache gets the memory.
 */
export class Rent {
  /** The share of the bytes of a pass over one token that the cache would save with this memory. */
  readonly #byteShare: number;
  /** The share of such a pass that is spent waiting for bytes. */
  #waitShare = 0;
  #isHeld = true;
  /** What the draft wins in a pass of late, in passes over one token. */
  #wins: number;
  /** Answers in a row in which it was let go, and those since that did not try it. */
  #lost = 0;
  #skipped = 0;
  /** Tokens of this answer. */
  #tokens = 0;
  #wantedAt = 0;

  constructor(byteShare: number) {
    this.#byteShare = byteShare;
    this.#wins = this.#believed;
  }

  get #believed(): number {
    return Math.max(BELIEVED, BELIEVED_RENTS * this.#byteShare);
  }

  /** Whether the draft has the memory. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** The share of a pass over one token that the memory would save, 0 where the cache has it. */
  get share(): number {
    return this.#isHeld ? this.wholeShare : 0;
  }

  /** That share, whoever has it. */
  get wholeShare(): number {
    return Math.min(this.#byteShare, this.#waitShare);
  }

  /**
   * A pass brought `tokens`; of its time, the draft saved `won` passes over one token. Such a pass waits `waitShare` of
   * its time for the disk.
   */
  passed(tokens: number, waitShare: number, won: number): void {
    this.#tokens += tokens;
    this.#waitShare = waitShare;
    if (!this.#isHeld) return;
    this.#wins = KEPT * this.#wins + (1 - KEPT) * won;
    if (this.#wins > this.#believed) this.#lost = 0;
  }

  /** Another answer begins: what the draft won in the last one says less of it. */
  begin(): void {
    this.#wins = Math.min(this.#wins, this.#believed);
    this.#tokens = 0;
    if (this.#isHeld) return;
    const isTried = ++this.#skipped >= Math.min(this.#lost, MOST_SKIPPED);
    this.#wantedAt = isTried ? 0 : REST_TOKENS;
  }

  /** Whether the cache should get the memory. */
  get isTooMuch(): boolean {
    return this.#isHeld && this.wholeShare > 0 && this.#wins < this.wholeShare;
  }

  /** Whether a draft without memory should be tried again. */
  get isWanted(): boolean {
    return !this.#isHeld && this.#tokens >= this.#wantedAt;
  }

  /** The draft got the memory. Returns what a pass takes without it, as a share of what it takes now. */
  took(): number {
    this.#isHeld = true;
    this.#skipped = 0;
    this.#wins = this.#believed;
    return 1 - this.share;
  }

  /** The cache got it. Returns what a pass takes now, as a share of what it took. */
  gaveBack(): number {
    const left = 1 - this.share;
    this.#isHeld = false;
    this.#lost++;
    this.#wantedAt = this.#tokens + REST_TOKENS;
    return left;
  }
}
