import { ABSENT, type Placement, type RememberingCache } from './unit-cache.js';

/** Tokens after which a use counts half: one for the subject of the text, one for its last words. */
const SLOW_HALF_LIFE = 16;
const FAST_HALF_LIFE = 2;
const SLOW_DECAY = 2 ** (-1 / SLOW_HALF_LIFE);
const FAST_DECAY = 2 ** (-1 / FAST_HALF_LIFE);
/** What one use adds to the estimate that a token asks for the unit. */
const SLOW_RATE = 0.75 * (1 - SLOW_DECAY);
const FAST_RATE = 0.25 * (1 - FAST_DECAY);
/** A use that comes a whole token later is worth this much. */
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
 * Slots that layers share. The unit goes that is least likely to be asked for soon, whatever its layer. The likelihood
 * is estimated from how often earlier tokens asked for the unit, with two half-lives. The estimates of a layer age when
 * its turn comes, so that layers can be compared, and count less the longer the layer's next turn is away. Half-lives
 * and weights are those that do best on both recorded traces (bench/EXPERIMENTS.md, CACHE-02).
 *
 * A call may give away the slots of any unit that another layer asked for: the caller must have read and used those by
 * then. Nothing is allocated after construction. A miss costs one pass over the slots, however many units of the call
 * are missing.
 */
export class FrequencyPool {
  /** The pool as each layer sees it; slots are numbered across the pool. */
  readonly layers: readonly RememberingCache[];
  /** The number of each layer's first unit; units are numbered across layers. */
  readonly #offsets: number[];
  readonly #layerOf: Uint32Array;
  readonly #slow: Float64Array;
  readonly #fast: Float64Array;
  readonly #lastUse: Float64Array;
  /** The call that asked for a unit last. */
  readonly #askedBy: Float64Array;
  readonly #slotOf: Uint32Array;
  /** The unit in each slot, or ABSENT. */
  readonly #heldBy: Uint32Array;
  readonly #free: Uint32Array;
  #freeCount: number;
  /** By how many layers later the turn of a unit comes; 0 for the layer that asks. */
  readonly #discounts: Float64Array;
  /** Slots to give away, and what their units are worth; the smallest worth comes first. */
  readonly #victims: Uint32Array;
  readonly #worth: Float64Array;
  #call = 0;
  #clock = 0;
  /** The layer that the last call was for, and how many units it asked for. */
  #previousLayer = NO_LAYER;
  #previousCount = 0;

  constructor({ units, slots }: FrequencyPoolOptions) {
    let total = 0;
    this.#offsets = units.map((count) => {
      total += count;
      return total - count;
    });
    this.#layerOf = new Uint32Array(total);
    units.forEach((count, layer) => {
      this.#layerOf.fill(layer, this.#offsets[layer], this.#offsets[layer] + count);
    });
    this.#slow = new Float64Array(total);
    this.#fast = new Float64Array(total);
    this.#lastUse = new Float64Array(total);
    this.#askedBy = new Float64Array(total);
    this.#slotOf = new Uint32Array(total).fill(ABSENT);
    this.#heldBy = new Uint32Array(slots).fill(ABSENT);
    this.#free = Uint32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#freeCount = slots;
    this.#discounts = Float64Array.from(units, (_, away) => DISCOUNT ** ((away || units.length) / units.length));
    this.#victims = new Uint32Array(Math.min(slots, Math.max(...units)));
    this.#worth = new Float64Array(this.#victims.length);
    this.layers = units.map((count, layer) => new PoolLayer(this, layer, count, slots));
  }

  place(layer: number, units: Uint32Array, count: number, into: Placement, tokens: Uint32Array | null): void {
    const offset = this.#offsets[layer];
    this.#call += 1;
    into.missed = 0;
    for (let i = 0; i < count; i++) {
      const unit = offset + units[i];
      const uses = tokens === null || tokens[i] === 1 ? 1 : tokens[i] ** CHUNK_EXPONENT;
      this.#slow[unit] += uses;
      this.#fast[unit] += uses;
      this.#lastUse[unit] = ++this.#clock;
      this.#askedBy[unit] = this.#call;
      into.slots[i] = this.#slotOf[unit];
      if (into.slots[i] === ABSENT) into.missedUnits[into.missed++] = units[i];
    }
    // The units of this layer's call before may still be in use, where both calls fit.
    const both = this.#previousLayer === layer && this.#previousCount + count <= this.#heldBy.length;
    const wanted = into.missed - this.#freeCount;
    if (wanted > 0) this.#evict(layer, wanted, both ? this.#call - 1 : this.#call);
    for (let i = 0, missed = 0; i < count; i++) {
      if (into.slots[i] !== ABSENT) continue;
      const slot = this.#free[--this.#freeCount];
      this.#slotOf[offset + units[i]] = slot;
      this.#heldBy[slot] = offset + units[i];
      into.slots[i] = slot;
      into.missedSlots[missed++] = slot;
    }
    this.#previousLayer = layer;
    this.#previousCount = count;
  }

  /** Ages a layer's estimates by one token. Each layer does so when its own turn comes. */
  age(layer: number): void {
    const end = this.#offsets[layer + 1] ?? this.#slow.length;
    for (let unit = this.#offsets[layer]; unit < end; unit++) {
      this.#slow[unit] *= SLOW_DECAY;
      this.#fast[unit] *= FAST_DECAY;
    }
    this.#previousLayer = NO_LAYER;
  }

  forget(layer: number): void {
    for (let slot = 0; slot < this.#heldBy.length; slot++) {
      const unit = this.#heldBy[slot];
      if (unit === ABSENT || this.#layerOf[unit] !== layer) continue;
      this.#slotOf[unit] = ABSENT;
      this.#heldBy[slot] = ABSENT;
      this.#free[this.#freeCount++] = slot;
    }
  }

  /** The uses of a layer's units with the slow half-life, [units]. */
  usesOf(layer: number): Float64Array {
    return this.#slow.slice(this.#offsets[layer], this.#offsets[layer + 1]);
  }

  rememberUsesOf(layer: number, uses: ArrayLike<number>): void {
    this.#slow.set(uses, this.#offsets[layer]);
  }

  /**
   * Frees the `wanted` slots whose units are worth least; those used longest ago go first where several are equal. It
   * spares the units that the call `spared` and later calls asked for.
   */
  #evict(layer: number, wanted: number, spared: number): void {
    const worth = this.#worth;
    const victims = this.#victims;
    const heldBy = this.#heldBy;
    let found = 0;
    for (let slot = 0; slot < heldBy.length; slot++) {
      const unit = heldBy[slot];
      if (unit === ABSENT || this.#askedBy[unit] >= spared) continue;
      const away = this.#layerOf[unit] - layer;
      const discount = this.#discounts[away < 0 ? away + this.#discounts.length : away];
      const value = discount * (SLOW_RATE * this.#slow[unit] + FAST_RATE * this.#fast[unit]);
      const last = found === wanted ? found - 1 : found;
      if (found === wanted && !this.#goesBefore(unit, value, last)) continue;
      let at = last;
      for (; at > 0 && this.#goesBefore(unit, value, at - 1); at--) {
        worth[at] = worth[at - 1];
        victims[at] = victims[at - 1];
      }
      worth[at] = value;
      victims[at] = slot;
      found = last + 1;
    }
    for (let i = 0; i < found; i++) {
      const slot = victims[i];
      this.#slotOf[heldBy[slot]] = ABSENT;
      heldBy[slot] = ABSENT;
      this.#free[this.#freeCount++] = slot;
    }
  }

  #goesBefore(unit: number, value: number, victim: number): boolean {
    const other = this.#worth[victim];
    return (
      value < other || (value === other && this.#lastUse[unit] < this.#lastUse[this.#heldBy[this.#victims[victim]]])
    );
  }
}

class PoolLayer implements RememberingCache {
  readonly capacity: number;
  readonly units: number;
  readonly slots: number;
  readonly #pool: FrequencyPool;
  readonly #layer: number;
  /** Whether a token has ended since the layer was last asked. */
  #ended = false;

  constructor(pool: FrequencyPool, layer: number, units: number, slots: number) {
    this.#pool = pool;
    this.#layer = layer;
    this.units = units;
    this.slots = slots;
    this.capacity = Math.min(units, slots);
  }

  place(units: Uint32Array, count: number, into: Placement, tokens: Uint32Array | null = null): void {
    if (this.#ended) this.#pool.age(this.#layer);
    this.#ended = false;
    this.#pool.place(this.#layer, units, count, into, tokens);
  }

  endToken(): void {
    this.#ended = true;
  }

  forget(): void {
    this.#pool.forget(this.#layer);
  }

  uses(): Float64Array {
    return this.#pool.usesOf(this.#layer);
  }

  remember(uses: ArrayLike<number>): void {
    this.#pool.rememberUsesOf(this.#layer, uses);
  }
}
