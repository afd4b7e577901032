import { describe, expect, it } from 'vitest';
import { allocate } from '../../dist/src/plan/allocate.js';
import type { AllocationRequest } from '../../dist/src/plan/allocation.js';
import { neuronLayer } from '../support/layer.js';
import { expertsSpec, modelSpec } from '../support/spec.js';

const HIDDEN = 256;
const NEURONS = 1024;
const LAYERS = 4;
const ROW = HIDDEN * 2;

function request(change: Partial<AllocationRequest> = {}, activation: 'relu' | 'silu' = 'relu'): AllocationRequest {
  const layer = { ...neuronLayer(NEURONS, HIDDEN), activation };
  return {
    spec: modelSpec({
      hiddenSize: HIDDEN,
      intermediateSize: NEURONS,
      numLayers: LAYERS,
      headDim: 64,
      activation,
    }),
    layers: Array.from({ length: LAYERS }, () => layer),
    dense: { residentBytes: 1_000_000, scratchBytes: 50_000, matrices: [] },
    routerBytes: 0,
    visionBytes: 0,
    lookupBytes: 0,
    budgetBytes: 1e9,
    contextSize: 128,
    sequences: 1,
    stateFormat: 'f16',
    threads: 2,
    selector: 'all',
    cache: 'auto',
    lossy: false,
    calibration: null,
    ...change,
  };
}

const FFN = LAYERS * NEURONS * 3 * ROW;
const used = (a: ReturnType<typeof allocate>) => a.residentBytes + a.stateBytes + a.scratchBytes + a.arenaBytes;

describe('allocate', () => {
  it('caches everything and reads nothing when memory is plenty', () => {
    const plan = allocate(request());
    expect(plan).toMatchObject({ fits: true, cachedShare: 1, bytesPerToken: 0, ring: null, ffnBytes: FFN });
    expect(plan.layers.every(({ slots, unit }) => slots === unit.units)).toBe(true);
  });

  it.each(['all', 'gate'] as const)('never spends more than the budget, from the minimum up (%s)', (selector) => {
    for (const cache of ['auto', { kind: 'lru', window: 0 }, { kind: 'pin', window: 0 }] as const) {
      const { minimumBytes } = allocate(request({ selector, cache, budgetBytes: 0 }));
      for (let budgetBytes = minimumBytes; budgetBytes < minimumBytes + 2 * FFN; budgetBytes += 333_333) {
        const plan = allocate(request({ selector, cache, budgetBytes }));
        expect(plan.fits).toBe(true);
        expect(plan.minimumBytes).toBe(minimumBytes);
        expect(used(plan)).toBeLessThanOrEqual(budgetBytes);
      }
    }
  });

  it('does not fit one byte below its minimum', () => {
    const { minimumBytes } = allocate(request({ budgetBytes: 0 }));
    expect(allocate(request({ budgetBytes: minimumBytes })).fits).toBe(true);
    expect(allocate(request({ budgetBytes: minimumBytes - 1 })).fits).toBe(false);
  });

  it('counts keys and values of whole pages of 64 positions, with a scale for each 16-bit vector', () => {
    expect(allocate(request({ contextSize: 65 })).stateBytes).toBe(LAYERS * 128 * 2 * 2 * (64 * 2 + 4));
    expect(allocate(request({ contextSize: 64, stateFormat: 'f32' })).stateBytes).toBe(LAYERS * 64 * 2 * 2 * 64 * 4);
  });

  it('keeps layers and ring apart in the arena, at multiples of 4096', () => {
    const { minimumBytes } = allocate(request({ budgetBytes: 0 }));
    const plan = allocate(request({ budgetBytes: minimumBytes + FFN / 2 }));
    let end = 0;
    for (const { arenaOffset, slots, unit } of plan.layers) {
      expect(arenaOffset % 4096).toBe(0);
      expect(arenaOffset).toBeGreaterThanOrEqual(end);
      end = arenaOffset + slots * unit.slotBytes;
    }
    expect(plan.ring!.arenaOffset).toBeGreaterThanOrEqual(end);
    expect(plan.ring!.arenaOffset + plan.ring!.slots * plan.ring!.slotBytes).toBe(plan.arenaBytes);
  });

  it('lets experts share slots where they are of one size, and spends no more on it', () => {
    const { spec, layers } = request();
    const experts = expertsSpec({ numExperts: 16, numExpertsPerToken: 2, intermediateSize: NEURONS / 8 });
    const of = (bundles: number) => ({
      ...layers[0],
      neuronsPerBundle: NEURONS / bundles,
      extents: [{ ...layers[0].extents[0], bytes: FFN / LAYERS / bundles, stride: FFN / LAYERS / bundles }],
    });
    const asked = request({ spec: { ...spec, experts }, layers: [of(16), of(8), of(16), of(8)], selector: 'router' });
    const { minimumBytes } = allocate({ ...asked, budgetBytes: 0 });
    const budgetBytes = minimumBytes + FFN / 4;
    const plan = allocate({ ...asked, budgetBytes });
    expect(plan.layers.map(({ pool }) => pool)).toEqual([0, 1, 0, 1]);
    for (const layer of [0, 1]) {
      const { pool, arenaOffset, slots, unit } = plan.layers[layer];
      expect(plan.layers[layer + 2]).toMatchObject({ pool, arenaOffset, slots });
      expect(plan.layers[layer + 2].unit.slotBytes).toBe(unit.slotBytes);
      expect(slots).toBeLessThan(2 * unit.units);
    }
    const [first, second] = plan.layers;
    expect(second.arenaOffset).toBeGreaterThanOrEqual(first.arenaOffset + first.slots * first.unit.slotBytes);
    expect(plan.arenaBytes).toBeGreaterThanOrEqual(second.arenaOffset + second.slots * second.unit.slotBytes);
    expect(used(plan)).toBeLessThanOrEqual(budgetBytes);
    // With its own slots for each, or where everything fits, nothing is shared.
    const lru = allocate({ ...asked, budgetBytes, cache: { kind: 'lru', window: 0 } });
    expect(lru.layers.every(({ pool }) => pool === null)).toBe(true);
    expect(plan.arenaBytes).toBeGreaterThan(lru.arenaBytes - LAYERS * 4096);
    expect(allocate({ ...asked, budgetBytes: 1e9 }).layers.every(({ pool }) => pool === null)).toBe(true);
  });

  it('chooses the gate for a ReLU model where it fits, and every row otherwise', () => {
    expect(allocate(request({ selector: 'auto' })).selector).toBe('gate');
    const least = allocate(request({ selector: 'all', budgetBytes: 0 })).minimumBytes;
    expect(allocate(request({ selector: 'auto', budgetBytes: least })).selector).toBe('all');
    expect(allocate(request({ selector: 'auto' })).minimumBytes).toBe(least);
    expect(allocate(request({ selector: 'auto' }, 'silu')).selector).toBe('all');
  });

  it('keeps the gate rows resident, and reads only the rest', () => {
    const gate = allocate(request({ selector: 'gate' }));
    const all = allocate(request({ selector: 'all' }));
    expect(gate.residentBytes - all.residentBytes).toBe(LAYERS * NEURONS * ROW);
    expect(gate.layers[0].unit.bundleBytes).toBe(2 * ROW);
  });

  it('refuses the gate for a model whose every neuron counts', () => {
    expect(() => allocate(request({ selector: 'gate' }, 'silu'))).toThrowError(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
  });
});
