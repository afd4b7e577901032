import { LRUCache } from 'lru-cache';
import { ABSENT, type Placement, type UnitCache } from './unit-cache.js';

export interface BundleCacheOptions {
  /** Units in the layer. */
  units: number;
  /** Units that fit at once. */
  slots: number;
  /** `window` lets go of what the last `window` tokens did not use; `pin` keeps the first units for good, `hot+lru` those that `hot` names first. */
  policy: 'lru' | 'window' | 'pin' | 'hot+lru';
  window: number;
  /** Units by how often they are used, most first; for `hot+lru`. */
  hot?: Uint32Array;
}

/** Under `pin`, the share of slots that still turns over, so that the units beyond the pinned ones have somewhere to go. */
const TURNOVER_SHARE = 0.25;
/** Under `hot+lru`, the share of slots that hot units keep (bench/EXPERIMENTS.md, CACHE-06). */
const HOT_SHARE = 0.75;

/**
 * Recency decides. It is lru-cache's business (unit -> slot, about 0.3 us a lookup); a layer that fits whole needs none: there, slot = unit.
 */
export class BundleCache implements UnitCache {
  readonly slots: number;
  private readonly pinned: number;
  /** Slots of units that stay, ABSENT for the others; null where the first `pinned` units have the slots of their own number. */
  private readonly pinnedSlot: Uint32Array | null;
  private readonly present: Uint8Array;
  private readonly recency: LRUCache<number, number> | null;
  private readonly free: Uint32Array;
  private freeCount = 0;
  private readonly window: number;
  private readonly lastUse: Float64Array | null;
  private token = 0;

  constructor({ units, slots, policy, window, hot }: BundleCacheOptions) {
    this.slots = Math.min(units, slots);
    const whole = this.slots === units;
    const kept = policy === 'pin' ? 1 - TURNOVER_SHARE : policy === 'hot+lru' ? HOT_SHARE : 0;
    this.pinned = whole ? units : Math.max(0, Math.min(Math.floor(this.slots * kept), this.slots - 2));
    this.pinnedSlot = null;
    if (policy === 'hot+lru' && !whole) {
      this.pinned = Math.min(this.pinned, hot!.length);
      this.pinnedSlot = new Uint32Array(units).fill(ABSENT);
      for (let slot = 0; slot < this.pinned; slot++) this.pinnedSlot[hot![slot]] = slot;
    }
    this.present = new Uint8Array(this.pinned);
    this.recency = whole ? null : new LRUCache({ max: this.slots - this.pinned });
    this.free = new Uint32Array(this.slots - this.pinned);
    this.window = window;
    this.lastUse = policy === 'window' && !whole ? new Float64Array(units) : null;
    this.forget();
  }

  get capacity(): number {
    return this.recency ? this.recency.max : this.slots;
  }

  place(units: Uint32Array, count: number, into: Placement): void {
    into.missed = 0;
    // Hits first: being touched, they are the last that the misses below could push out.
    for (let i = 0; i < count; i++) {
      const unit = units[i];
      const kept = this.pinnedSlot ? this.pinnedSlot[unit] : unit < this.pinned ? unit : ABSENT;
      if (kept !== ABSENT) {
        into.slots[i] = kept;
        if (this.present[kept] === 0) {
          this.present[kept] = 1;
          this.miss(unit, kept, into);
        }
      } else {
        into.slots[i] = this.recency!.get(unit) ?? ABSENT;
        if (this.lastUse) this.lastUse[unit] = this.token;
      }
    }
    for (let i = 0; i < count; i++) {
      if (into.slots[i] !== ABSENT) continue;
      const slot = this.freeCount > 0 ? this.free[--this.freeCount] : this.recency!.pop()!;
      this.recency!.set(units[i], slot);
      into.slots[i] = slot;
      this.miss(units[i], slot, into);
    }
  }

  /** Under `window`, frees what the last tokens did not use. */
  endToken(): void {
    this.token += 1;
    if (!this.lastUse) return;
    // The least recently used end first; the first one inside the window ends the search.
    for (const unit of this.recency!.rkeys()) {
      if (this.lastUse[unit] > this.token - 1 - this.window) break;
      this.free[this.freeCount++] = this.recency!.peek(unit)!;
      this.recency!.delete(unit);
    }
  }

  forget(): void {
    this.present.fill(0);
    this.recency?.clear();
    this.freeCount = this.free.length;
    for (let i = 0; i < this.freeCount; i++) this.free[i] = this.slots - 1 - i;
  }

  private miss(unit: number, slot: number, into: Placement): void {
    into.missedUnits[into.missed] = unit;
    into.missedSlots[into.missed++] = slot;
  }
}
