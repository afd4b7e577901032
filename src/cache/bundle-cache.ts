import { LRUCache } from 'lru-cache';
import type { CachePolicyName } from './policy.js';
import { ABSENT, type Placement, type UnitCache } from './unit-cache.js';

export interface BundleCacheOptions {
  /** Units in the layer. */
  units: number;
  /** Units that fit at once. */
  slots: number;
  policy: Exclude<CachePolicyName, 'lfu'>;
  /** Tokens, for `window`. */
  window: number;
  /** Units, the most used first; for `hot+lru`. */
  hot?: Uint32Array;
}

/** Under `pin`, the share of slots that still turns over: the units that are not pinned need a place too. */
const TURNOVER_SHARE = 0.25;
/** Under `hot+lru`, the share of slots that hot units keep (bench/EXPERIMENTS.md, CACHE-06). */
const HOT_SHARE = 0.75;

/**
 * A cache that goes by recency. lru-cache maps unit to slot, in about 0.3 us a lookup. A layer that fits whole needs no
 * map: there the slot has the number of the unit.
 */
export class BundleCache implements UnitCache {
  readonly slots: number;
  readonly #pinned: number;
  /**
   * Slots of the units that stay, ABSENT for the others. Null where the first `#pinned` units have the slots of their
   * own number.
   */
  readonly #pinnedSlot: Uint32Array | null;
  readonly #present: Uint8Array;
  readonly #recency: LRUCache<number, number> | null;
  readonly #free: Uint32Array;
  #freeCount = 0;
  readonly #window: number;
  readonly #lastUse: Float64Array | null;
  #token = 0;

  constructor({ units, slots, policy, window, hot }: BundleCacheOptions) {
    this.slots = Math.min(units, slots);
    const whole = this.slots === units;
    const kept = policy === 'pin' ? 1 - TURNOVER_SHARE : policy === 'hot+lru' ? HOT_SHARE : 0;
    let pinned = whole ? units : Math.max(0, Math.min(Math.floor(this.slots * kept), this.slots - 2));
    this.#pinnedSlot = null;
    if (policy === 'hot+lru' && !whole) {
      pinned = Math.min(pinned, hot!.length);
      this.#pinnedSlot = new Uint32Array(units).fill(ABSENT);
      for (let slot = 0; slot < pinned; slot++) this.#pinnedSlot[hot![slot]] = slot;
    }
    this.#pinned = pinned;
    this.#present = new Uint8Array(pinned);
    this.#recency = whole ? null : new LRUCache({ max: this.slots - pinned });
    this.#free = new Uint32Array(this.slots - pinned);
    this.#window = window;
    this.#lastUse = policy === 'window' && !whole ? new Float64Array(units) : null;
    this.forget();
  }

  get capacity(): number {
    return this.#recency ? this.#recency.max : this.slots;
  }

  place(units: Uint32Array, count: number, into: Placement): void {
    const recency = this.#recency;
    const pinned = this.#pinned;
    const pinnedSlot = this.#pinnedSlot;
    const lastUse = this.#lastUse;
    into.missed = 0;
    // Hits come first. They are touched then, so the misses below push them out last.
    for (let i = 0; i < count; i++) {
      const unit = units[i];
      const kept = pinnedSlot ? pinnedSlot[unit] : unit < pinned ? unit : ABSENT;
      if (kept !== ABSENT) {
        into.slots[i] = kept;
      } else {
        into.slots[i] = recency!.get(unit) ?? ABSENT;
        if (lastUse) lastUse[unit] = this.#token;
      }
    }
    // One pass for all misses: whoever reads them wants them in the order of the call.
    for (let i = 0; i < count; i++) {
      const unit = units[i];
      let slot = into.slots[i];
      if (slot < pinned) {
        if (this.#present[slot] === 1) continue;
        this.#present[slot] = 1;
      } else if (slot === ABSENT) {
        slot = this.#freeCount > 0 ? this.#free[--this.#freeCount] : recency!.pop()!;
        recency!.set(unit, slot);
        into.slots[i] = slot;
      } else {
        continue;
      }
      into.missedUnits[into.missed] = unit;
      into.missedSlots[into.missed++] = slot;
    }
  }

  /** Under `window`, frees the units that the last tokens did not use. */
  endToken(): void {
    this.#token += 1;
    if (!this.#lastUse) return;
    // The unit that was used longest ago comes first. The first unit inside the window ends the search.
    for (const unit of this.#recency!.rkeys()) {
      if (this.#lastUse[unit] > this.#token - 1 - this.#window) break;
      this.#free[this.#freeCount++] = this.#recency!.peek(unit)!;
      this.#recency!.delete(unit);
    }
  }

  forget(): void {
    this.#present.fill(0);
    this.#recency?.clear();
    this.#freeCount = this.#free.length;
    for (let i = 0; i < this.#freeCount; i++) this.#free[i] = this.slots - 1 - i;
  }
}
