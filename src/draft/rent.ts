/** What an older pass counts beside the next one. */
const KEPT = 0.93;
/**
 * Before anything was seen, a draft is believed to save this share of the time; at least so many times what its memory
 * costs, for otherwise it was not asked for.
 */
const BELIEVED = 0.4;
const BELIEVED_RENTS = 1.5;
/** Tokens of an answer before a draft is given the memory, and after one that was let go in it. */
const FIRST_TOKENS = 6;
const REST_TOKENS = 24;

/**
 * What the memory of a draft costs, and whether the draft is worth it. While the draft has the memory, the cache is
 * smaller, and each pass reads more. Where it does not win as much, the cache gets the memory.
 */
export class Rent {
  /** The share of the bytes of a pass over one token that the cache would save with this memory. */
  readonly #byteShare: number;
  /** The share of such a pass that is spent waiting for bytes. */
  #waitShare = 0;
  #isHeld: boolean;
  /** What passes of late took, and what their tokens would have taken without this draft, in passes over one token. */
  #taken = 1;
  #otherwise = 1;
  /** Tokens of this answer. */
  #tokens = 0;
  #wantedAt = 0;

  /** `isHeld`: whether the draft has the memory. */
  constructor(byteShare: number, isHeld: boolean) {
    this.#byteShare = byteShare;
    this.#isHeld = isHeld;
    this.#believe();
  }

  #believe(): void {
    this.#otherwise = 1;
    this.#taken = 1 - this.#believed;
  }

  /** The share of its time that the draft saves. */
  get #saved(): number {
    return 1 - this.#taken / this.#otherwise;
  }

  get #believed(): number {
    return Math.min(1, Math.max(BELIEVED, BELIEVED_RENTS * this.#byteShare));
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
   * A pass brought `tokens`. It took `taken`, where its tokens would have taken `otherwise` without this draft, in
   * passes over one token. Such a pass waits `waitShare` of its time for the disk.
   */
  passed(tokens: number, waitShare: number, taken: number, otherwise: number): void {
    this.#tokens += tokens;
    this.#waitShare = waitShare;
    if (!this.#isHeld) return;
    this.#taken = KEPT * this.#taken + (1 - KEPT) * taken;
    this.#otherwise = KEPT * this.#otherwise + (1 - KEPT) * otherwise;
  }

  /** Another answer begins: what the draft saved in the last one says less of it. */
  begin(): void {
    if (this.#saved > this.#believed) this.#believe();
    this.#tokens = 0;
    this.#wantedAt = FIRST_TOKENS;
  }

  /** Whether the cache should get the memory. */
  get isTooMuch(): boolean {
    return this.#isHeld && this.wholeShare > 0 && this.#saved < this.wholeShare;
  }

  /** Whether a draft without memory may be tried. */
  get isWanted(): boolean {
    return !this.#isHeld && this.#tokens >= this.#wantedAt;
  }

  /** The draft got the memory. Returns what a pass takes without it, as a share of what it takes now. */
  took(): number {
    this.#isHeld = true;
    this.#believe();
    return 1 - this.share;
  }

  /** The cache got it. Returns what a pass takes now, as a share of what it took. */
  gaveBack(): number {
    const left = 1 - this.share;
    this.#isHeld = false;
    this.#wantedAt = this.#tokens === 0 ? FIRST_TOKENS : this.#tokens + REST_TOKENS;
    return left;
  }
}
