import { EvictionHeap } from './eviction-heap.js';
import { ABSENT, type Placement, type UnitCache } from './unit-cache.js';

/** Beyond this, scores are scaled down together. */
const LARGEST_WEIGHT = 1e100;
const NO_CALL = -1;

export interface FrequencyCacheOptions {
  units: number;
  /** Fewer than units. */
  slots: number;
  /** After this many tokens a use counts half; Infinity never forgets. */
  halfLife: number;
}

/**
 * Lets go of what was used least often, of equals the one used longest ago; uses are remembered of units that are not held, too. Ageing weighs
 * the present up instead of everything past down, which comes to the same order. Within a token (or a prompt chunk) two calls' units stay as long as
 * both fit, so that one can be read while the other is computed.
 */
export class FrequencyCache implements UnitCache {
  readonly slots: number;
  private readonly score: Float64Array;
  private readonly lastUse: Float64Array;
  /** Units held that neither this call nor the one before asked for. */
  private readonly evictable: EvictionHeap;
  private readonly slotOf: Uint32Array;
  private readonly free: Uint32Array;
  private freeCount = 0;
  /** The call that asked for a unit last. */
  private readonly askedBy: Float64Array;
  private call = 0;
  private readonly previous: Uint32Array;
  private previousCount = 0;
  private readonly growth: number;
  private weight = 1;
  private clock = 0;

  constructor({ units, slots, halfLife }: FrequencyCacheOptions) {
    this.slots = slots;
    this.score = new Float64Array(units);
    this.lastUse = new Float64Array(units);
    this.evictable = new EvictionHeap(this.score, this.lastUse);
    this.slotOf = new Uint32Array(units);
    this.free = new Uint32Array(slots);
    this.askedBy = new Float64Array(units);
    this.previous = new Uint32Array(slots);
    this.growth = 2 ** (1 / halfLife);
    this.forget();
  }

  get capacity(): number {
    return this.slots;
  }

  place(units: Uint32Array, count: number, into: Placement): void {
    into.missed = 0;
    this.call += 1;
    for (let i = 0; i < count; i++) {
      const unit = units[i];
      if (this.evictable.has(unit)) this.evictable.remove(unit);
      this.askedBy[unit] = this.call;
      this.score[unit] += this.weight;
      this.lastUse[unit] = ++this.clock;
      into.slots[i] = this.slotOf[unit];
    }
    const both = this.previousCount + count <= this.slots;
    if (!both) this.releasePrevious(this.call);
    for (let i = 0; i < count; i++) {
      if (into.slots[i] !== ABSENT) continue;
      const slot = this.freeCount > 0 ? this.free[--this.freeCount] : this.evict();
      this.slotOf[units[i]] = slot;
      into.slots[i] = slot;
      into.missedUnits[into.missed] = units[i];
      into.missedSlots[into.missed++] = slot;
    }
    if (both) this.releasePrevious(this.call);
    for (let i = 0; i < count; i++) this.previous[i] = units[i];
    this.previousCount = count;
  }

  endToken(): void {
    this.releasePrevious(NO_CALL);
    this.weight *= this.growth;
    if (this.weight >= LARGEST_WEIGHT) this.rescale();
  }

  forget(): void {
    while (this.evictable.size > 0) this.evictable.pop();
    this.previousCount = 0;
    this.slotOf.fill(ABSENT);
    this.freeCount = this.free.length;
    for (let i = 0; i < this.freeCount; i++) this.free[i] = this.slots - 1 - i;
  }

  private evict(): number {
    const unit = this.evictable.pop();
    const slot = this.slotOf[unit];
    this.slotOf[unit] = ABSENT;
    return slot;
  }

  /** Units that the call `keeper` asked for as well stay out of reach. */
  private releasePrevious(keeper: number): void {
    for (let i = 0; i < this.previousCount; i++) {
      if (this.askedBy[this.previous[i]] !== keeper) this.evictable.add(this.previous[i]);
    }
    this.previousCount = 0;
  }

  /** One factor for all keys leaves the heap's order as it is. */
  private rescale(): void {
    for (let unit = 0; unit < this.score.length; unit++) this.score[unit] /= this.weight;
    this.weight = 1;
  }
}
