import { describe, expect, it } from 'vitest';
import { FrequencyCache } from '../../dist/src/cache/frequency-cache.js';
import { createPlacement } from '../../dist/src/cache/unit-cache.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';

const UNITS = 40;

/** The same policy the slow way: sorts everything at each eviction. */
class NaiveLfu {
  held = new Set<number>();
  previous: number[] = [];
  uses = new Float64Array(UNITS);
  lastUse = new Float64Array(UNITS);
  token = 0;
  clock = 0;
  constructor(
    readonly slots: number,
    readonly halfLife: number,
  ) {}
  use(units: number[]): number {
    for (const unit of units) {
      this.uses[unit] += 2 ** (this.token / this.halfLife);
      this.lastUse[unit] = ++this.clock;
    }
    const keep = new Set(units);
    if (this.previous.length + units.length <= this.slots) for (const unit of this.previous) keep.add(unit);
    const missed = units.filter((unit) => !this.held.has(unit));
    for (const unit of missed) {
      if (this.held.size === this.slots) {
        const out = [...this.held].filter((other) => !keep.has(other));
        out.sort((a, b) => this.uses[a] - this.uses[b] || this.lastUse[a] - this.lastUse[b]);
        this.held.delete(out[0]);
      }
      this.held.add(unit);
    }
    this.previous = units;
    return missed.length;
  }
}

function randomUnits(random: () => number, most: number): number[] {
  const wanted = new Set<number>();
  const size = 1 + Math.floor(random() * most);
  while (wanted.size < size) wanted.add(Math.floor(random() ** 2 * UNITS));
  return [...wanted].sort((a, b) => a - b);
}

describe('FrequencyCache', () => {
  for (const slots of [2, 7, 20, UNITS - 1]) {
    for (const halfLife of [1, Number.POSITIVE_INFINITY]) {
      it(`misses exactly as a naive LFU does: ${slots} slots, half-life ${halfLife}`, () => {
        const cache = new FrequencyCache({ units: UNITS, slots, halfLife });
        const naive = new NaiveLfu(slots, halfLife);
        const placement = createPlacement(UNITS);
        const contents = new Map<number, number>();
        const random = seededRandom(slots);
        for (let call = 0; call < 600; call++) {
          const units = randomUnits(random, slots);
          cache.place(Uint32Array.from(units), units.length, placement);
          expect(placement.missed).toBe(naive.use(units));
          for (let i = 0; i < placement.missed; i++) contents.set(placement.missedSlots[i], placement.missedUnits[i]);
          units.forEach((unit, i) => {
            expect(placement.slots[i]).toBeLessThan(slots);
            expect(contents.get(placement.slots[i])).toBe(unit);
          });
          expect(new Set(placement.slots.subarray(0, units.length)).size).toBe(units.length);
          if (call % 3 === 2) {
            cache.endToken();
            naive.token += 1;
            naive.previous = [];
          }
        }
      });
    }
  }

  it('never evicts what the call before asked for while both fit: it may still be computed with', () => {
    const cache = new FrequencyCache({ units: UNITS, slots: 8, halfLife: 16 });
    const [now, next] = [createPlacement(UNITS), createPlacement(UNITS)];
    // A prompt's waves.
    for (let first = 0; first + 8 <= UNITS; first += 4) {
      cache.place(Uint32Array.from([first, first + 1, first + 2, first + 3]), 4, now);
      cache.place(Uint32Array.from([first + 4, first + 5, first + 6, first + 7]), 4, next);
      const taken = new Set(next.slots.subarray(0, 4));
      expect([...now.slots.subarray(0, 4)].some((slot) => taken.has(slot))).toBe(false);
    }
  });

  it('starts over after forget', () => {
    const cache = new FrequencyCache({ units: UNITS, slots: 4, halfLife: 16 });
    const placement = createPlacement(UNITS);
    cache.place(Uint32Array.from([1, 2, 3]), 3, placement);
    cache.forget();
    cache.place(Uint32Array.from([1, 2, 3]), 3, placement);
    expect(placement.missed).toBe(3);
  });
});
