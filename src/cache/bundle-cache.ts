import { LRUCache } from 'lru-cache';
import { ABSENT, type Placement, type UnitCache } from './unit-cache.js';

export interface BundleCacheOptions {
  /** Units in the layer. */
  units: number;
  /** Units that fit at once. */
  slots: number;
  /** `window` lets go of what the last `window` tokens did not use; `pin` keeps the first units for good. */
  policy: 'lru' | 'window' | 'pin';
  window: number;
}

/** Under `pin`, the share of slots that still turns over, so that the units beyond the pinned ones have somewhere to go. */
const TURNOVER_SHARE = 0.25;

/**
 * Recency decides. It is lru-cache's business (unit -> slot, about 0.3 us a lookup); a layer that fits whole needs none: there, slot = unit.
 */
export class BundleCache implements UnitCache {
  readonly slots: number;
  private readonly pinned: number;
  private readonly present: Uint8Array;
  private readonly recency: LRUCache<number, number> | null;
  private readonly free: Uint32Array;
  private freeCount = 0;
  private readonly window: number;
  private readonly lastUse: Float64Array | null;
  private token = 0;

  constructor({ units, slots, policy, window }: BundleCacheOptions) {
    this.slots = Math.min(units, slots);
    const whole = this.slots === units;
    this.pinned = whole
      ? units
      : policy === 'pin'
        ? this.slots - Math.max(2, Math.ceil(this.slots * TURNOVER_SHARE))
        : 0;
    if (this.pinned < 0) this.pinned = 0;
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
      if (unit < this.pinned) {
        into.slots[i] = unit;
        if (this.present[unit] === 0) {
          this.present[unit] = 1;
          this.miss(unit, unit, into);
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
