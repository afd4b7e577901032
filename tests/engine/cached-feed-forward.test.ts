import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import { CACHE_POLICIES, type CachePolicyName } from '../../dist/src/cache/policy.js';
import { createFeedForward } from '../../dist/src/engine/create-feed-forward.js';
import type { Allocation } from '../../dist/src/plan/allocation.js';
import type { Selector } from '../../dist/src/select/selector.js';
import {
  bits,
  buildLayer,
  firstBeyond,
  ISAS,
  type LayerSketch,
  naiveFfn,
  openStream,
  Random,
  temporaryFolder,
} from '../native-bridge/support.js';

const folder = temporaryFolder();
const UNITS = 40;
const TOKENS = 3;
const SKETCH: LayerSketch = { hiddenSize: 32, numNeurons: UNITS, formats: ['f32', 'f32', 'f32'], activation: 'relu' };

/** The units that each token of a pass asks a layer for: neighbours, favourites and strangers, ascending. */
function drawUnits(random: Random): number[][] {
  return Array.from({ length: TOKENS }, () => {
    const size = 1 + random.below(random.below(4) === 0 ? UNITS : UNITS / 3);
    const asked = new Set<number>();
    while (asked.size < size) asked.add(Math.floor(random.next() ** 2 * UNITS));
    return [...asked].sort((a, b) => a - b);
  });
}

/** Chooses what `next` says, each token its own: the real selectors do the same with x. */
function selectByList(next: { asked: number[][] }): Selector {
  const weights = new Float32Array(TOKENS * UNITS);
  return {
    name: 'sign',
    exact: false,
    residentProducts: null,
    weights,
    select(_layer, _x, tokens, units) {
      const together = [...new Set(next.asked.slice(0, tokens).flat())].sort((a, b) => a - b);
      units.set(together);
      weights.fill(0);
      for (let token = 0; token < tokens; token++)
        for (const unit of next.asked[token]) weights[token * together.length + together.indexOf(unit)] = 1;
      return together.length;
    },
    dispose() {},
  };
}

/** The parts of an allocation that the streamed half looks at. */
function allocationOf(kind: CachePolicyName, slots: number, numLayers: number, pooled: boolean): Allocation {
  const unit = { units: UNITS, bundles: UNITS, bundlesPerUnit: 1 };
  const layers = Array.from({ length: numLayers }, () => ({ unit, slots, pool: pooled ? 0 : null }));
  return { layers, cache: { kind, window: kind === 'window' ? 2 : 0 }, ring: null } as unknown as Allocation;
}

describe.each(ISAS)('the streamed half on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const built = [0, 1].map((layer) => buildLayer(new Random(60 + layer), SKETCH));
  const hot = built.map((_, layer) => Uint32Array.from(new Random(70 + layer).shuffled(Array(UNITS).keys())));
  const variants = [...CACHE_POLICIES.map((policy) => ({ policy, pooled: false })), { policy: 'lfu', pooled: true }];

  describe.each(variants as { policy: CachePolicyName; pooled: boolean }[])(
    'under $policy (slots shared: $pooled)',
    ({ policy, pooled }) => {
      it.each([2, 3, 5, 13, 27, UNITS - 1, UNITS])('computes with %i slots what the definition says', (slots) => {
        const { stream } = openStream(bridge, folder, built, { slots, shared: pooled });
        const next = { asked: [] as number[][] };
        const allocation = allocationOf(policy, slots, built.length, pooled);
        const feedForward = createFeedForward(stream, selectByList(next), allocation, hot, null);
        const random = new Random(slots);
        for (let pass = 0; pass < 25; pass++) {
          const tokens = pass % 5 === 0 ? TOKENS : 1;
          for (const [layer, one] of built.entries()) {
            next.asked = drawUnits(random);
            const x = random.floats(tokens * SKETCH.hiddenSize);
            const y = new Float32Array(x.length);
            feedForward.run(layer, x, tokens, y);
            for (let token = 0; token < tokens; token++) {
              const [from, to] = [token * SKETCH.hiddenSize, (token + 1) * SKETCH.hiddenSize];
              const { y: right, bound } = naiveFfn(one, x.subarray(from, to), 1, next.asked[token]);
              expect(firstBeyond(y.subarray(from, to), right, bound), `pass ${pass}, layer ${layer}`).toBeNull();
            }
          }
          feedForward.endToken();
        }
        const { hit, missed } = feedForward.counts;
        expect(missed).toBeGreaterThan(0);
        // Under a cache that is whole nothing is read twice.
        if (slots === UNITS && !pooled) expect(missed).toBeLessThanOrEqual(built.length * UNITS);
        expect(hit + missed).toBeGreaterThan(25 * built.length);
        stream.dispose();
      });
    },
  );

  it('gives the same bits under every policy and number of slots', () => {
    const outputs = new Set<string>();
    for (const { policy, pooled } of variants as { policy: CachePolicyName; pooled: boolean }[]) {
      for (const slots of [4, 17, UNITS]) {
        const { stream } = openStream(bridge, folder, built, { slots, shared: pooled });
        const next = { asked: [] as number[][] };
        const allocation = allocationOf(policy, slots, built.length, pooled);
        const feedForward = createFeedForward(stream, selectByList(next), allocation, hot, null);
        const random = new Random(5);
        const all: Buffer[] = [];
        for (let pass = 0; pass < 8; pass++) {
          for (const layer of built.keys()) {
            next.asked = drawUnits(random);
            const y = new Float32Array(TOKENS * SKETCH.hiddenSize);
            feedForward.run(layer, random.floats(TOKENS * SKETCH.hiddenSize), TOKENS, y);
            all.push(Buffer.from(bits(y)));
          }
          feedForward.endToken();
        }
        outputs.add(Buffer.concat(all).toString('base64'));
        stream.dispose();
      }
    }
    expect(outputs.size).toBe(1);
  });
});
