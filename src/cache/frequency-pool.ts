import { ABSENT, type Placement, type RememberingCache } from './unit-cache.js';

/** Tokens after which a use counts half, once for what the text is about and once for what it just said. */
const SLOW_HALF_LIFE = 16;
const FAST_HALF_LIFE = 2;
const SLOW_DECAY = 2 ** (-1 / SLOW_HALF_LIFE);
const FAST_DECAY = 2 ** (-1 / FAST_HALF_LIFE);
/** Both count uses; what one use adds to the estimate that a token asks for a unit. */
const SLOW_RATE = 0.75 * (1 - SLOW_DECAY);
const FAST_RATE = 0.25 * (1 - FAST_DECAY);
/** What a use is worth that comes a whole token later. */
const DISCOUNT = 0.8;
/** A prompt chunk in which n tokens ask for a unit counts as n to this power uses. */
const CHUNK_EXPONENT = 0.3;
const NO_LAYER = -1;

export interface FrequencyPoolOptions {
  /** Units of each layer. */
  units: readonly number[];
  /** Shared by all layers. */
  slots: number;
}

/**
 * Slots that layers share: the one goes whose unit is least likely to be asked for, of all layers, soon. That a token asks for a unit is estimated from
 * how often tokens did, with two half-lives; each layer's estimates age as its turn comes, so that they can be compared, and count less the longer its
 * next turn is away. Half-lives and weights are those that do best on either of two recorded traces (bench/EXPERIMENTS.md, CACHE-02).
 *
 * A call may give away the slots of any unit that other layers asked for: what they asked for must have been read and used by then. Nothing
 * is allocated after construction; a miss costs one pass over the slots, however many units of the call are missing.
 */
export class FrequencyPool {
  /** The pool as each layer sees it; slots are numbered across the pool. */
  readonly layers: readonly RememberingCache[];
  /** Of each layer its first unit's number; units are numbered across layers. */
  private readonly offsets: number[];
  private readonly layerOf: Uint32Array;
  private readonly slow: Float64Array;
  private readonly fast: Float64Array;
  private readonly lastUse: Float64Array;
  /** The call that asked for a unit last. */
  private readonly askedBy: Float64Array;
  private readonly slotOf: Uint32Array;
  /** The unit in each slot, or ABSENT. */
  private readonly heldBy: Uint32Array;
  private readonly free: Uint32Array;
  private freeCount: number;
  /** By how many layers later a unit's turn comes, 0 for the layer that asks. */
  private readonly discounts: Float64Array;
  /** Slots to give away, those of the least worth first. */
  private readonly victims: Uint32Array;
  private readonly worth: Float64Array;
  private call = 0;
  private clock = 0;
  /** The layer that the last call was for, and how many units it asked for. */
  private previousLayer = NO_LAYER;
  private previousCount = 0;

  constructor({ units, slots }: FrequencyPoolOptions) {
    let total = 0;
    this.offsets = units.map((count) => {
      total += count;
      return total - count;
    });
    this.layerOf = new Uint32Array(total);
    units.forEach((count, layer) => {
      this.layerOf.fill(layer, this.offsets[layer], this.offsets[layer] + count);
    });
    this.slow = new Float64Array(total);
    this.fast = new Float64Array(total);
    this.lastUse = new Float64Array(total);
    this.askedBy = new Float64Array(total);
    this.slotOf = new Uint32Array(total).fill(ABSENT);
    this.heldBy = new Uint32Array(slots).fill(ABSENT);
    this.free = Uint32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.freeCount = slots;
    this.discounts = Float64Array.from(units, (_, away) => DISCOUNT ** ((away || units.length) / units.length));
    this.victims = new Uint32Array(Math.min(slots, Math.max(...units)));
    this.worth = new Float64Array(this.victims.length);
    this.layers = units.map((count, layer) => new PoolLayer(this, layer, count, slots));
  }

  place(layer: number, units: Uint32Array, count: number, into: Placement, tokens: Uint32Array | null): void {
    const offset = this.offsets[layer];
    this.call += 1;
    into.missed = 0;
    for (let i = 0; i < count; i++) {
      const unit = offset + units[i];
      const uses = tokens === null || tokens[i] === 1 ? 1 : tokens[i] ** CHUNK_EXPONENT;
      this.slow[unit] += uses;
      this.fast[unit] += uses;
      this.lastUse[unit] = ++this.clock;
      this.askedBy[unit] = this.call;
      into.slots[i] = this.slotOf[unit];
      if (into.slots[i] === ABSENT) into.missedUnits[into.missed++] = units[i];
    }
    // The call before may still be computed with where it was this layer's, and both fit.
    const both = this.previousLayer === layer && this.previousCount + count <= this.heldBy.length;
    const wanted = into.missed - this.freeCount;
    if (wanted > 0) this.evict(layer, wanted, both ? this.call - 1 : this.call);
    for (let i = 0, missed = 0; i < count; i++) {
      if (into.slots[i] !== ABSENT) continue;
      const slot = this.free[--this.freeCount];
      this.slotOf[offset + units[i]] = slot;
      this.heldBy[slot] = offset + units[i];
      into.slots[i] = slot;
      into.missedSlots[missed++] = slot;
    }
    this.previousLayer = layer;
    this.previousCount = count;
  }

  /** Lets a layer's estimates age by one token: when its turn comes again, and not with the others'. */
  age(layer: number): void {
    const end = this.offsets[layer + 1] ?? this.slow.length;
    for (let unit = this.offsets[layer]; unit < end; unit++) {
      this.slow[unit] *= SLOW_DECAY;
      this.fast[unit] *= FAST_DECAY;
    }
    this.previousLayer = NO_LAYER;
  }

  forget(layer: number): void {
    for (let slot = 0; slot < this.heldBy.length; slot++) {
      const unit = this.heldBy[slot];
      if (unit === ABSENT || this.layerOf[unit] !== layer) continue;
      this.slotOf[unit] = ABSENT;
      this.heldBy[slot] = ABSENT;
      this.free[this.freeCount++] = slot;
    }
  }

  /** A layer's uses with the slow half-life, [units]. */
  usesOf(layer: number): Float64Array {
    return this.slow.slice(this.offsets[layer], this.offsets[layer + 1]);
  }

  rememberUsesOf(layer: number, uses: ArrayLike<number>): void {
    this.slow.set(uses, this.offsets[layer]);
  }

  /** Frees the `wanted` slots of least worth, of equals those used longest ago, sparing what the call `spared` and later ones asked for. */
  private evict(layer: number, wanted: number, spared: number): void {
    const { worth, victims, heldBy } = this;
    let found = 0;
    for (let slot = 0; slot < heldBy.length; slot++) {
      const unit = heldBy[slot];
      if (unit === ABSENT || this.askedBy[unit] >= spared) continue;
      const away = this.layerOf[unit] - layer;
      const discount = this.discounts[away < 0 ? away + this.discounts.length : away];
      const value = discount * (SLOW_RATE * this.slow[unit] + FAST_RATE * this.fast[unit]);
      const last = found === wanted ? found - 1 : found;
      if (found === wanted && !this.goesBefore(unit, value, last)) continue;
      let at = last;
      for (; at > 0 && this.goesBefore(unit, value, at - 1); at--) {
        worth[at] = worth[at - 1];
        victims[at] = victims[at - 1];
      }
      worth[at] = value;
      victims[at] = slot;
      found = last + 1;
    }
    for (let i = 0; i < found; i++) {
      const slot = victims[i];
      this.slotOf[heldBy[slot]] = ABSENT;
      heldBy[slot] = ABSENT;
      this.free[this.freeCount++] = slot;
    }
  }

  private goesBefore(unit: number, value: number, victim: number): boolean {
    const other = this.worth[victim];
    return value < other || (value === other && this.lastUse[unit] < this.lastUse[this.heldBy[this.victims[victim]]]);
  }
}

class PoolLayer implements RememberingCache {
  readonly capacity: number;
  /** Whether a token has ended since the layer was last asked. */
  private ended = false;

  constructor(
    private readonly pool: FrequencyPool,
    private readonly layer: number,
    readonly units: number,
    readonly slots: number,
  ) {
    this.capacity = Math.min(units, slots);
  }

  place(units: Uint32Array, count: number, into: Placement, tokens: Uint32Array | null = null): void {
    if (this.ended) this.pool.age(this.layer);
    this.ended = false;
    this.pool.place(this.layer, units, count, into, tokens);
  }

  endToken(): void {
    this.ended = true;
  }

  forget(): void {
    this.pool.forget(this.layer);
  }

  uses(): Float64Array {
    return this.pool.usesOf(this.layer);
  }

  remember(uses: ArrayLike<number>): void {
    this.pool.rememberUsesOf(this.layer, uses);
  }
}
