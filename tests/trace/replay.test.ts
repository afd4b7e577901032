import { describe, expect, it } from 'vitest';
import { CACHE_POLICIES } from '../../dist/src/cache/policy.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';
import { beladyPool } from '../../dist/src/trace/policies/belady-pool.js';
import { replay } from '../../dist/src/trace/replay.js';
import type { Trace } from '../../src/trace/trace.js';

const UNITS = [10, 14, 12];
const BYTES = [70, 100, 90];

/** Skewed, and with a liking for what the last token used, as models are. */
function randomTrace(seed: number, tokens = 60, most = 5): Trace {
  const random = seededRandom(seed);
  let before: Uint32Array[] = UNITS.map(() => new Uint32Array());
  const pass = () => {
    before = UNITS.map((count, layer) => {
      const asked = new Set([...before[layer]].filter(() => random() < 0.4));
      const size = Math.floor(random() * (most + 1));
      while (asked.size < size) asked.add(Math.floor(random() ** 2 * count));
      return Uint32Array.from([...asked].slice(0, most));
    });
    return before;
  };
  return {
    model: 'random',
    selector: 'gate',
    layers: UNITS.map((units, layer) => ({ units, unitBytes: BYTES[layer], slotBytes: BYTES[layer] })),
    passes: Array.from({ length: tokens }, (_, i) =>
      i < 5 ? { phase: 0 as const, tokens: 4, units: pass() } : { phase: 1 as const, tokens: 1, units: pass() },
    ),
    tornBytes: 0,
  };
}

/** A call as the naive caches below see it: ids are `layer/unit`. */
interface NaiveCall {
  ids: string[];
  token: number;
}

interface NaiveCache {
  slots: number;
  held: string[];
  /** Puts those that may go first in front; `ids` are being asked for right now. */
  order(held: string[], ids: string[]): string[];
  used(ids: string[], hits: string[], token: number): void;
}

/** Hits of one call, with a list for a cache: hits are found first, then room is made for each of the others. */
function naiveHits(cache: NaiveCache, { ids, token }: NaiveCall): number {
  const hits = ids.filter((id) => cache.held.includes(id));
  const misses = ids.filter((id) => !hits.includes(id));
  cache.used(ids, hits, token);
  for (const id of misses) {
    if (cache.held.length === cache.slots) cache.held = cache.order(cache.held, ids).slice(1);
    cache.held.push(id);
  }
  return hits.length;
}

function naiveLru(slots: number): NaiveCache {
  const recency: string[] = [];
  return {
    slots,
    held: [],
    // Hits are found before anything is read.
    used: (ids, hits) => recency.push(...hits, ...ids.filter((id) => !hits.includes(id))),
    order: (held) => [...held].sort((a, b) => recency.lastIndexOf(a) - recency.lastIndexOf(b)),
  };
}

/** Uses in a list for each unit, weighed by `growth` ^ token. */
function naiveLfu(slots: number, growth: number): NaiveCache {
  const uses = new Map<string, number[]>();
  const recency: string[] = [];
  const weights = [1];
  const score = (id: string) => uses.get(id)!.reduce((sum, token) => sum + weights[token], 0);
  return {
    slots,
    held: [],
    used(ids, _, token) {
      while (weights.length <= token) weights.push(weights[weights.length - 1] * growth);
      for (const id of ids) uses.set(id, [...(uses.get(id) ?? []), token]);
      recency.push(...ids);
    },
    order: (held, ids) =>
      held
        .filter((id) => !ids.includes(id))
        .sort((a, b) => score(a) - score(b) || recency.lastIndexOf(a) - recency.lastIndexOf(b))
        .concat(held.filter((id) => ids.includes(id))),
  };
}

/** Hit rate of the generated tokens, the slow way. */
function naiveRate(trace: Trace, cacheOf: (layer: number) => NaiveCache, cold: boolean): number {
  let hits = 0;
  let asked = 0;
  trace.passes.slice(cold ? 5 : 0).forEach(({ phase, units }, token) => {
    units.forEach((unitsOfLayer, layer) => {
      const hit = naiveHits(cacheOf(layer), { ids: [...unitsOfLayer].map((unit) => `${layer}/${unit}`), token });
      if (phase === 1) {
        hits += hit;
        asked += unitsOfLayer.length;
      }
    });
  });
  return hits / asked;
}

const rates = (trace: Trace, memoryBytes: number, options = {}) =>
  Object.fromEntries(
    replay(trace, { memoryBytes, ...options }).policies.map(({ policy, hitRate }) => [policy, hitRate]),
  );

describe('replay', () => {
  for (const [seed, slotsPerLayer] of [5, 7, 9].entries()) {
    for (const cold of [false, true]) {
      it(`hits as often as naive caches do, ${slotsPerLayer} slots a layer${cold ? ', cold' : ''}`, () => {
        const trace = randomTrace(seed);
        const slots = slotsPerLayer * UNITS.length + 1;
        const found = rates(trace, slots * Math.max(...BYTES) + 50, { cold });
        const layers = (make: () => NaiveCache) => {
          const caches = UNITS.map(make);
          return naiveRate(trace, (layer) => caches[layer], cold);
        };
        const model = (cache: NaiveCache) => naiveRate(trace, () => cache, cold);
        expect(found.lru).toBeCloseTo(model(naiveLru(slots)), 12);
        expect(found['layer-lru']).toBeCloseTo(
          layers(() => naiveLru(slotsPerLayer)),
          12,
        );
        expect(found.lfu).toBeCloseTo(model(naiveLfu(slots, 1)), 12);
        expect(found['layer-lfu']).toBeCloseTo(
          layers(() => naiveLfu(slotsPerLayer, 1)),
          12,
        );
        expect(found['layer-lfu-aged']).toBeCloseTo(
          layers(() => naiveLfu(slotsPerLayer, 2 ** (1 / 16))),
          12,
        );
      });
    }
  }

  it('asks for units one by one where told to', () => {
    const trace = randomTrace(11);
    const caches = UNITS.map(() => naiveLru(4));
    let hits = 0;
    let asked = 0;
    for (const { phase, units } of trace.passes) {
      units.forEach((unitsOfLayer, layer) => {
        for (const unit of unitsOfLayer) {
          const hit = naiveHits(caches[layer], { ids: [`${unit}`], token: 0 });
          if (phase === 1) hits += hit;
          if (phase === 1) asked += 1;
        }
      });
    }
    expect(rates(trace, 12 * 100, { oneByOne: true })['layer-lru']).toBeCloseTo(hits / asked, 12);
  });

  it('under window:4 finds what the last four tokens used, and nothing else, while there is room', () => {
    const trace = randomTrace(12);
    let hits = 0;
    let asked = 0;
    trace.passes.forEach(({ phase, units }, token) => {
      if (phase === 0) return;
      units.forEach((unitsOfLayer, layer) => {
        const recent = trace.passes.slice(token - 4, token).flatMap((pass) => [...pass.units[layer]]);
        hits += unitsOfLayer.filter((unit) => recent.includes(unit)).length;
        asked += unitsOfLayer.length;
      });
    });
    // A layer that fits whole needs no window: the smallest has 10 units, and 9 slots hold four tokens' worth.
    const roomy = rates({ ...trace, layers: trace.layers.map((layer) => ({ ...layer, units: 100 })) }, 3 * 99 * 100);
    expect(roomy['window:4']).toBeCloseTo(hits / asked, 12);
  });

  it('counts bytes by the layer they belong to, and a read per unit', () => {
    const trace = randomTrace(13);
    // Everything fits and begins cold: each unit is read once.
    const { policies, tokens } = replay(trace, { memoryBytes: 1e6, cold: true });
    const generated = trace.passes.filter(({ phase }) => phase === 1);
    const distinct = UNITS.map((_, layer) => new Set(generated.flatMap(({ units }) => [...units[layer]])).size);
    expect(tokens).toBe(generated.length);
    for (const { policy, bytesPerToken, recordsPerToken } of policies.filter(
      ({ policy }) => !policy.startsWith('window'),
    )) {
      const bytes = distinct.reduce((sum, count, layer) => sum + count * BYTES[layer], 0);
      expect(bytesPerToken * tokens, policy).toBeCloseTo(bytes, 6);
      expect(recordsPerToken * tokens, policy).toBeCloseTo(
        distinct.reduce((sum, count) => sum + count),
        6,
      );
    }
  });

  it('under pool keeps what more tokens of the prompt asked for', () => {
    const layers = [{ units: 8, unitBytes: 1, slotBytes: 1 }];
    const prompt = { phase: 0 as const, tokens: 3, units: [Uint32Array.from([0, 1, 2, 2, 1, 1])] };
    const token = (unit: number) => ({ phase: 1 as const, tokens: 1, units: [Uint32Array.from([unit])] });
    const trace: Trace = { ...randomTrace(15), layers, passes: [prompt, token(5), token(1)] };
    // Two of the prompt's three are still there when 5 takes the place of one.
    expect(rates(trace, 3).pool).toBe(0.5);
    expect(rates({ ...trace, passes: [prompt, token(5), token(2)] }, 3).pool).toBe(0.5);
    expect(rates({ ...trace, passes: [prompt, token(5), token(0)] }, 3).pool).toBe(0);
    expect(
      rates({ ...trace, passes: [{ ...prompt, units: [Uint32Array.from([0, 1, 2, 0])] }, token(5), token(0)] }, 3).pool,
    ).toBe(0.5);
  });

  it('under pin, where everything is asked for every token, finds what is not in the ring', () => {
    const everything = UNITS.map((units) => Uint32Array.from({ length: units }, (_, unit) => unit));
    const trace: Trace = {
      ...randomTrace(14),
      selector: 'all',
      passes: Array.from({ length: 20 }, (_, i) => ({ phase: i === 0 ? 0 : 1, tokens: 1, units: everything })),
    };
    const found = rates(trace, 20 * 100);
    // All of 20 slots read ahead; recency finds nothing in a cyclic scan.
    expect(found.pin).toBe(0);
    expect(found['layer-lru']).toBe(0);
    // 32 of 34 and of 35.
    expect(rates(trace, 34 * 100).pin).toBeCloseTo(2 / 36, 12);
    expect(rates(trace, 35 * 100).pin).toBeCloseTo(3 / 36, 12);
  });

  it('allocates for what the trace has, not for what the memory would buy', () => {
    const trace = randomTrace(17);
    // No array is so long.
    const { slots, policies } = replay(trace, { memoryBytes: 9e15 });
    expect(slots).toBe(9e13);
    expect(policies).toEqual(replay(trace, { memoryBytes: 100 * 3 * 14 }).policies);
  });

  it('names the engine cache that each row stands for', () => {
    const caches = (selector: string) =>
      Object.fromEntries(
        replay({ ...randomTrace(18), selector }, { memoryBytes: 2000 }).policies.flatMap(({ policy, cache }) =>
          cache === null ? [] : [[cache, policy]],
        ),
      );
    const neurons = { lru: 'layer-lru', lfu: 'layer-lfu-aged', window: 'window:4', pin: 'pin', 'hot+lru': 'hot+lru' };
    expect(caches('gate')).toEqual(neurons);
    expect(caches('router')).toEqual({ lru: 'layer-lru', lfu: 'pool', window: 'window:4', pin: 'pin' });
    expect(Object.keys(caches('gate')).sort()).toEqual([...CACHE_POLICIES].sort());
  });

  it('is refused without a generated token, and with less memory than a unit a layer', () => {
    const trace = randomTrace(15);
    const prompt = { ...trace, passes: trace.passes.slice(0, 5) };
    expect(() => replay(prompt, { memoryBytes: 1e6 })).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(() => replay(trace, { memoryBytes: 299 })).toThrowError(
      expect.objectContaining({ code: 'INSUFFICIENT_MEMORY', details: { minimumBytes: 300, budgetBytes: 299 } }),
    );
    expect(replay(trace, { memoryBytes: 300 }).slotsPerLayer).toBe(1);
  });

  it('says so where tokens draw independently and without favourites', () => {
    const random = seededRandom(16);
    const draw = () => Uint32Array.from({ length: 100 }, (_, unit) => unit).filter(() => random() < 0.1);
    const trace: Trace = {
      ...randomTrace(16),
      layers: [{ units: 100, unitBytes: 1, slotBytes: 1 }],
      passes: Array.from({ length: 300 }, () => ({ phase: 1, tokens: 1, units: [draw()] })),
    };
    const result = replay(trace, { memoryBytes: 40 });
    expect(result.independent).toBe(true);
    // The reason for the warning: a real policy gets its share of the whole, and no more.
    expect(result.policies[0].hitRate).toBeCloseTo(0.4, 1);
    expect(replay(randomTrace(16), { memoryBytes: 2000 }).independent).toBe(false);
  });
});

describe("Belady's optimum", () => {
  it('is never beaten, at any size, over random traces', () => {
    for (let seed = 20; seed < 40; seed++) {
      const trace = randomTrace(seed, 40, 1 + (seed % 6));
      for (const slots of [3, 7, 12, 20, 30]) {
        for (const oneByOne of [false, true]) {
          const { belady, 'layer-belady': layerBelady, ...others } = rates(trace, slots * 100, { oneByOne });
          for (const [policy, rate] of Object.entries(others)) {
            expect(belady + 1e-12, `${policy}, ${slots} slots, seed ${seed}`).toBeGreaterThanOrEqual(rate);
          }
          expect(belady + 1e-12).toBeGreaterThanOrEqual(layerBelady);
          for (const policy of ['layer-lru', 'layer-lfu', 'layer-lfu-aged', 'window:4', 'hot+lru', 'pin']) {
            expect(layerBelady + 1e-12, policy).toBeGreaterThanOrEqual(others[policy]);
          }
        }
      }
    }
  });

  it('hits as often as the best of all ways to keep units, tried one by one', () => {
    const random = seededRandom(50);
    for (let trial = 0; trial < 60; trial++) {
      const calls = Array.from({ length: 9 }, () => {
        const asked = new Set<number>();
        for (let i = 0; i <= random() * 3; i++) asked.add(Math.floor(random() * 5));
        return Uint32Array.from(asked);
      });
      const slots = 1 + (trial % 3);
      const pool = beladyPool(5, slots, calls);
      const hits = calls.reduce((sum, asked) => sum + asked.length - pool.use(asked), 0);
      expect(hits, JSON.stringify(calls.map((asked) => [...asked]))).toBe(bestHits(calls, slots));
    }
  });
});

/** The most hits that any choice of what to keep can bring: `held` is a set of units as bits. */
function bestHits(
  calls: readonly Uint32Array[],
  slots: number,
  at = 0,
  held = 0,
  known = new Map<string, number>(),
): number {
  if (at === calls.length) return 0;
  const key = `${at} ${held}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const asked = calls[at].reduce((bits, unit) => bits | (1 << unit), 0);
  let best = 0;
  for (let keep = 0; keep < 32; keep++) {
    const possible = (keep & ~(held | asked)) === 0 && bitCount(keep) <= slots;
    if (possible) best = Math.max(best, bestHits(calls, slots, at + 1, keep, known));
  }
  best += bitCount(held & asked);
  known.set(key, best);
  return best;
}

const bitCount = (bits: number) => bits.toString(2).replaceAll('0', '').length;
