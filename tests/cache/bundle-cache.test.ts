import { describe, expect, it } from 'vitest';
import { BundleCache } from '../../dist/src/cache/bundle-cache.js';
import { createPlacement } from '../../dist/src/cache/unit-cache.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';

const UNITS = 40;
/** Units by use, most first, in an order of its own. */
const HOT = Uint32Array.from({ length: UNITS }, (_, i) => (7 * i) % UNITS);

/** What a cache should hold, kept the slow way: recency as an array, the oldest first. */
class NaiveLru {
  recency: number[] = [];
  constructor(readonly slots: number) {}
  use(units: number[]): number {
    const hits = units.filter((unit) => this.recency.includes(unit));
    this.recency = this.recency.filter((unit) => !hits.includes(unit)).concat(hits);
    const misses = units.filter((unit) => !hits.includes(unit));
    this.recency = this.recency.concat(misses).slice(-this.slots);
    return hits.length;
  }
}

function randomUnits(random: () => number, most: number): number[] {
  const wanted = new Set<number>();
  const size = 1 + Math.floor(random() * most);
  // Skewed: low ids are hot, as neurons are.
  while (wanted.size < size) wanted.add(Math.floor(random() ** 2 * UNITS));
  return [...wanted].sort((a, b) => a - b);
}

describe('BundleCache', () => {
  for (const policy of ['lru', 'window', 'pin', 'hot+lru'] as const) {
    for (const slots of [2, 7, 20, UNITS, 100]) {
      it(`keeps its books straight with ${slots} slots under ${policy} through random use`, () => {
        const cache = new BundleCache({ units: UNITS, slots, policy, window: 3, hot: HOT });
        const random = seededRandom(slots);
        const placement = createPlacement(UNITS);
        const contents = new Map<number, number>();
        for (let token = 0; token < 500; token++) {
          const units = randomUnits(random, cache.capacity);
          cache.place(Uint32Array.from(units), units.length, placement);
          const read = new Map<number, number>();
          for (let i = 0; i < placement.missed; i++) read.set(placement.missedUnits[i], placement.missedSlots[i]);
          for (const [unit, slot] of read) contents.set(slot, unit);
          // In the order of the call: a stream reads nothing else.
          expect([...read.keys()]).toEqual(units.filter((unit) => read.has(unit)));
          units.forEach((unit, i) => {
            expect(placement.slots[i]).toBeLessThan(cache.slots);
            expect(contents.get(placement.slots[i])).toBe(unit);
          });
          expect(new Set(placement.slots.subarray(0, units.length)).size).toBe(units.length);
          cache.endToken();
        }
      });
    }
  }

  it('hits exactly as often as a naive LRU does', () => {
    const cache = new BundleCache({ units: UNITS, slots: 12, policy: 'lru', window: 0 });
    const naive = new NaiveLru(12);
    const random = seededRandom(1);
    const placement = createPlacement(UNITS);
    let hits = 0;
    for (let token = 0; token < 1000; token++) {
      const units = randomUnits(random, 12);
      cache.place(Uint32Array.from(units), units.length, placement);
      expect(units.length - placement.missed).toBe(naive.use(units));
      hits += units.length - placement.missed;
    }
    expect(hits).toBeGreaterThan(0);
  });

  it('under window:k hits what the last k tokens used, and nothing older', () => {
    const cache = new BundleCache({ units: UNITS, slots: 30, policy: 'window', window: 2 });
    const random = seededRandom(2);
    const placement = createPlacement(UNITS);
    const past: number[][] = [];
    for (let token = 0; token < 500; token++) {
      const units = randomUnits(random, 10);
      cache.place(Uint32Array.from(units), units.length, placement);
      const remembered = new Set(past.slice(-2).flat());
      expect(placement.missed).toBe(units.filter((unit) => !remembered.has(unit)).length);
      cache.endToken();
      past.push(units);
    }
  });

  it('reads a pinned unit once, whatever else comes by', () => {
    const cache = new BundleCache({ units: UNITS, slots: 10, policy: 'pin', window: 0 });
    const placement = createPlacement(UNITS);
    const random = seededRandom(3);
    cache.place(Uint32Array.of(0, 1), 2, placement);
    expect(placement.missed).toBe(2);
    for (let i = 0; i < 200; i++) {
      const other = 20 + Math.floor(random() * 20);
      cache.place(Uint32Array.of(other), 1, placement);
    }
    cache.place(Uint32Array.of(0, 1), 2, placement);
    expect(placement.missed).toBe(0);
  });

  it('under hot+lru keeps hot units from their first use on, and hits the others as a naive LRU of what is left does', () => {
    const slots = 13;
    const cache = new BundleCache({ units: UNITS, slots, policy: 'hot+lru', window: 0, hot: HOT });
    const kept = slots - cache.capacity;
    expect(kept).toBeGreaterThan(2);
    const hot = new Set(HOT.subarray(0, kept));
    const seen = new Set<number>();
    const naive = new NaiveLru(cache.capacity);
    const random = seededRandom(5);
    const placement = createPlacement(UNITS);
    for (let token = 0; token < 1000; token++) {
      const units = randomUnits(random, cache.capacity);
      cache.place(Uint32Array.from(units), units.length, placement);
      const hotHits = units.filter((unit) => hot.has(unit) && seen.has(unit)).length;
      const others = naive.use(units.filter((unit) => !hot.has(unit)));
      expect(units.length - placement.missed).toBe(hotHits + others);
      for (const unit of units) seen.add(unit);
      cache.endToken();
    }
    expect([...hot].every((unit) => seen.has(unit))).toBe(true);
  });

  it('never gives away, in the wave after, a slot of half its size', () => {
    const cache = new BundleCache({ units: UNITS, slots: 8, policy: 'lru', window: 0 });
    const first = createPlacement(UNITS);
    const second = createPlacement(UNITS);
    for (let from = 0; from + 8 <= UNITS; from += 8) {
      cache.place(Uint32Array.of(from, from + 1, from + 2, from + 3), 4, first);
      cache.place(Uint32Array.of(from + 4, from + 5, from + 6, from + 7), 4, second);
      const slots = new Set([...first.slots.subarray(0, 4), ...second.slots.subarray(0, 4)]);
      expect(slots.size).toBe(8);
    }
  });

  it('starts afresh after forget', () => {
    const cache = new BundleCache({ units: UNITS, slots: 8, policy: 'lru', window: 0 });
    const placement = createPlacement(UNITS);
    cache.place(Uint32Array.of(1, 2, 3), 3, placement);
    cache.forget();
    cache.place(Uint32Array.of(1, 2, 3), 3, placement);
    expect(placement.missed).toBe(3);
  });
});
