import { EvictionHeap } from './eviction-heap.js';
import { ABSENT, type Placement, type UnitCache } from './unit-cache.js';

/** Where a new use counts more than this, all scores are scaled down together. */
const LARGEST_WEIGHT = 1e100;
const NO_CALL = -1;

export interface FrequencyCacheOptions {
  /** Units in the layer. */
  units: number;
  /** Units that fit at once. */
  slots: number;
  /** A use counts half after this many tokens. With Infinity nothing is forgotten. */
  halfLife: number;
}

/**
 * A cache that goes by frequency: the unit that was used least often goes, and the one used longest ago where several
 * are equal. The cache remembers the uses of units that it does not hold, too. Old uses should count less; here new
 * uses count more instead, which comes to the same order.
 *
 * Within a token (or a prompt chunk) the units of two calls stay while both fit, so that one can be read while the
 * other is computed.
 */
export class FrequencyCache implements UnitCache {
  readonly slots: number;
  readonly #score: Float64Array;
  readonly #lastUse: Float64Array;
  /** Units that are held, and that neither this call nor the one before asked for. */
  readonly #evictable: EvictionHeap;
  readonly #slotOf: Uint32Array;
  readonly #free: Uint32Array;
  #freeCount = 0;
  /** The call that asked for a unit last. */
  readonly #askedBy: Float64Array;
  #call = 0;
  readonly #previous: Uint32Array;
  #previousCount = 0;
  readonly #growth: number;
  #weight = 1;
  #clock = 0;

  constructor({ units, slots, halfLife }: FrequencyCacheOptions) {
    this.slots = slots;
    this.#score = new Float64Array(units);
    this.#lastUse = new Float64Array(units);
    this.#evictable = new EvictionHeap(this.#score, this.#lastUse);
    this.#slotOf = new Uint32Array(units);
    this.#free = new Uint32Array(slots);
    this.#askedBy = new Float64Array(units);
    this.#previous = new Uint32Array(slots);
    this.#growth = 2 ** (1 / halfLife);
    this.forget();
  }

  get capacity(): number {
    return this.slots;
  }

  place(units: Uint32Array, count: number, into: Placement): void {
    into.missed = 0;
    this.#call += 1;
    for (let i = 0; i < count; i++) {
      const unit = units[i];
      if (this.#evictable.has(unit)) this.#evictable.remove(unit);
      this.#askedBy[unit] = this.#call;
      this.#score[unit] += this.#weight;
      this.#lastUse[unit] = ++this.#clock;
      into.slots[i] = this.#slotOf[unit];
    }
    const both = this.#previousCount + count <= this.slots;
    if (!both) this.#releasePrevious(this.#call);
    for (let i = 0; i < count; i++) {
      if (into.slots[i] !== ABSENT) continue;
      const slot = this.#freeCount > 0 ? this.#free[--this.#freeCount] : this.#evict();
      this.#slotOf[units[i]] = slot;
      into.slots[i] = slot;
      into.missedUnits[into.missed] = units[i];
      into.missedSlots[into.missed++] = slot;
    }
    if (both) this.#releasePrevious(this.#call);
    for (let i = 0; i < count; i++) this.#previous[i] = units[i];
    this.#previousCount = count;
  }

  /** The units of the last call may go from here on: nobody computes with them any more. */
  release(): void {
    this.#releasePrevious(NO_CALL);
  }

  endToken(): void {
    this.release();
    this.#weight *= this.#growth;
    if (this.#weight >= LARGEST_WEIGHT) this.#rescale();
  }

  forget(): void {
    while (this.#evictable.size > 0) this.#evictable.pop();
    this.#previousCount = 0;
    this.#slotOf.fill(ABSENT);
    this.#freeCount = this.#free.length;
    for (let i = 0; i < this.#freeCount; i++) this.#free[i] = this.slots - 1 - i;
  }

  #evict(): number {
    const unit = this.#evictable.pop();
    const slot = this.#slotOf[unit];
    this.#slotOf[unit] = ABSENT;
    return slot;
  }

  /** Lets the units of the call before go, but for those that the call `keeper` asked for as well. */
  #releasePrevious(keeper: number): void {
    for (let i = 0; i < this.#previousCount; i++) {
      if (this.#askedBy[this.#previous[i]] !== keeper) this.#evictable.add(this.#previous[i]);
    }
    this.#previousCount = 0;
  }

  /** The heap's order stays as it is: all keys are divided by the same number. */
  #rescale(): void {
    for (let unit = 0; unit < this.#score.length; unit++) this.#score[unit] /= this.#weight;
    this.#weight = 1;
  }
}
