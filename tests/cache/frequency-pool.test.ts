import { describe, expect, it } from 'vitest';
import { FrequencyPool } from '../../dist/src/cache/frequency-pool.js';
import { createPlacement } from '../../dist/src/cache/unit-cache.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';

const UNITS = [12, 20, 9, 20];

interface Use {
  turn: number;
  tokens: number;
}

/**
 * The same policy from its definition: every use is kept, every estimate summed anew, everything sorted at each
 * eviction.
 */
class NaivePool {
  held: string[] = [];
  uses = new Map<string, Use[]>();
  recency: string[] = [];
  token = 0;
  /** The token of each layer's last turn. */
  turns = UNITS.map(() => 0);
  previous: { layer: number; ids: string[] } = { layer: -1, ids: [] };
  constructor(readonly slots: number) {}

  estimate(id: string, asking: number): number {
    const layer = Number(id.split('/')[0]);
    const rate = (halfLife: number) =>
      (1 - 2 ** (-1 / halfLife)) *
      this.uses
        .get(id)!
        .reduce((sum, { turn, tokens }) => sum + tokens ** 0.3 * 2 ** (-(this.turns[layer] - turn) / halfLife), 0);
    const away = layer > asking ? layer - asking : layer - asking + UNITS.length;
    return (0.25 * rate(2) + 0.75 * rate(16)) * 0.8 ** (away / UNITS.length);
  }

  use(layer: number, units: number[], tokens: number[]): string[] {
    const ids = units.map((unit) => `${layer}/${unit}`);
    this.turns[layer] = this.token;
    ids.forEach((id, i) => {
      const use = { turn: this.token, tokens: tokens[i] };
      this.uses.set(id, [...(this.uses.get(id) ?? []), use]);
    });
    this.recency.push(...ids);
    const keep = new Set(ids);
    if (this.previous.layer === layer && this.previous.ids.length + ids.length <= this.slots)
      for (const id of this.previous.ids) keep.add(id);
    const missed = ids.filter((id) => !this.held.includes(id));
    const out = this.held.filter((id) => !keep.has(id));
    const value = new Map(out.map((id) => [id, this.estimate(id, layer)]));
    out.sort((a, b) => {
      const [x, y] = [value.get(a)!, value.get(b)!];
      // Sums taken in another order differ in the last digits.
      if (Math.abs(x - y) > 1e-9 * (x + y)) return x - y;
      return this.recency.lastIndexOf(a) - this.recency.lastIndexOf(b);
    });
    const gone = out.slice(0, Math.max(0, this.held.length + missed.length - this.slots));
    this.held = [...this.held.filter((id) => !gone.includes(id)), ...missed];
    this.previous = { layer, ids };
    return missed;
  }

  endToken() {
    this.token += 1;
    this.previous = { layer: -1, ids: [] };
  }
}

function randomUnits(random: () => number, of: number, most: number): number[] {
  const wanted = new Set<number>();
  const size = Math.ceil(random() * most);
  while (wanted.size < size) wanted.add(Math.floor(random() ** 2 * of));
  return [...wanted].sort((a, b) => a - b);
}

describe('FrequencyPool', () => {
  for (const slots of [6, 15, 40, 60]) {
    it(`misses what the definition misses, and every unit is where it was put: ${slots} slots`, () => {
      const pool = new FrequencyPool({ units: UNITS, slots });
      const naive = new NaivePool(slots);
      const placement = createPlacement(20);
      const contents = new Map<number, string>();
      const random = seededRandom(slots);
      for (let token = 0; token < 150; token++) {
        for (const [layer, cache] of pool.layers.entries()) {
          // A second wave now and then, as a prompt may need.
          for (let wave = 0; wave < (token % 10 === 0 ? 2 : 1); wave++) {
            const units = randomUnits(random, UNITS[layer], Math.min(5, slots));
            const tokens = units.map(() => (token % 10 === 0 ? Math.ceil(random() * 9) : 1));
            cache.place(Uint32Array.from(units), units.length, placement, Uint32Array.from(tokens));
            const missed = naive.use(layer, units, tokens);
            const found = [...placement.missedUnits.subarray(0, placement.missed)].map((unit) => `${layer}/${unit}`);
            expect(found, `token ${token}, layer ${layer}`).toEqual(missed);
            for (let i = 0; i < placement.missed; i++) contents.set(placement.missedSlots[i], found[i]);
            for (const [i, unit] of units.entries()) {
              expect(placement.slots[i]).toBeLessThan(slots);
              expect(contents.get(placement.slots[i])).toBe(`${layer}/${unit}`);
            }
          }
        }
        for (const cache of pool.layers) cache.endToken();
        naive.endToken();
      }
    });
  }

  it('gives all slots to the layer that asks where nothing else is held, and takes any that another layer is done with', () => {
    const { layers } = new FrequencyPool({ units: [8, 8], slots: 8 });
    const placement = createPlacement(8);
    const all = Uint32Array.from({ length: 8 }, (_, unit) => unit);
    expect(layers[0].capacity).toBe(8);
    layers[0].place(all, 8, placement);
    layers[0].place(all, 8, placement);
    expect(placement.missed).toBe(0);
    layers[1].place(all, 8, placement);
    expect(placement.missed).toBe(8);
    expect(new Set(placement.slots).size).toBe(8);
  });

  it('never evicts what the wave before asked for while both fit: it may still be computed with', () => {
    const { layers } = new FrequencyPool({ units: [40, 40], slots: 8 });
    const [now, next] = [createPlacement(40), createPlacement(40)];
    for (let first = 0; first + 8 <= 40; first += 4) {
      layers[1].place(Uint32Array.from([first, first + 1, first + 2, first + 3]), 4, now);
      layers[1].place(Uint32Array.from([first + 4, first + 5, first + 6, first + 7]), 4, next);
      const taken = new Set(next.slots.subarray(0, 4));
      expect([...now.slots.subarray(0, 4)].some((slot) => taken.has(slot))).toBe(false);
    }
  });

  it('forgets what one layer held, and only that', () => {
    const { layers } = new FrequencyPool({ units: [8, 8], slots: 6 });
    const placement = createPlacement(8);
    layers[0].place(Uint32Array.from([1, 2, 3]), 3, placement);
    layers[1].place(Uint32Array.from([1, 2, 3]), 3, placement);
    layers[0].forget();
    layers[1].place(Uint32Array.from([1, 2, 3]), 3, placement);
    expect(placement.missed).toBe(0);
    layers[0].place(Uint32Array.from([1, 2, 3]), 3, placement);
    expect(placement.missed).toBe(3);
    layers[1].place(Uint32Array.from([1, 2, 3]), 3, placement);
    expect(placement.missed).toBe(0);
  });

  it('remembers uses across runs', () => {
    const placement = createPlacement(8);
    const first = new FrequencyPool({ units: [8, 8], slots: 4 });
    for (let token = 0; token < 5; token++) {
      first.layers[1].place(Uint32Array.from([6]), 1, placement);
      first.layers[1].endToken();
    }
    const later = new FrequencyPool({ units: [8, 8], slots: 4 });
    later.layers.forEach((cache, i) => {
      cache.remember(first.layers[i].uses());
    });
    for (const unit of [6, 0, 1, 2, 3, 4]) later.layers[1].place(Uint32Array.from([unit]), 1, placement);
    later.layers[1].place(Uint32Array.from([6]), 1, placement);
    expect(placement.missed).toBe(0);
  });
});
