import { describe, expect, it } from 'vitest';
import { generateActivity, OPT_6_7B } from '../../dist/bench/model/activity.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';
import { replay } from '../../dist/src/trace/replay.js';

const NEURONS = 4000;
const TOKENS = 240;
const layer = { units: NEURONS, unitBytes: 16384, slotBytes: 16384 };

const activity = generateActivity({
  statistics: OPT_6_7B,
  layers: [layer, layer],
  tokens: TOKENS,
  random: seededRandom(1),
});
const tokensOf = (index: number) => activity.passes.map(({ units }) => units[index]);

/** Mean over tokens that have `window` before them. */
function meanOver(window: number, measure: (token: number, before: Set<number>) => number): number {
  let sum = 0;
  for (let token = window; token < TOKENS; token++) {
    const before = new Set(
      tokensOf(0)
        .slice(token - window, token)
        .flatMap((units) => [...units]),
    );
    sum += measure(token, before);
  }
  return sum / (TOKENS - window) / NEURONS;
}

describe('generated activity', () => {
  it('has the active share that was published for OPT-6.7B: 10% as the predictor loads it', () => {
    expect(meanOver(5, (token) => tokensOf(0)[token].length)).toBeCloseTo(0.1, 2);
  });

  it('holds 24% of the layer with a window of 5 tokens', () => {
    const share = meanOver(5, (_, before) => before.size);
    expect(Math.abs(share - 0.24)).toBeLessThan(0.01);
  });

  it('brings 2.4% of the layer that the last 5 tokens did not use', () => {
    const share = meanOver(5, (token, before) => tokensOf(0)[token].filter((unit) => !before.has(unit)).length);
    expect(Math.abs(share - 0.024)).toBeLessThan(0.001);
  });

  it('has favourites: 17 to 26% of neurons make up 80% of the uses, not the same in each layer', () => {
    const hot = [0, 1].map((index) => {
      const uses = new Float64Array(NEURONS);
      for (const units of tokensOf(index)) for (const unit of units) uses[unit] += 1;
      const busiest = [...uses.keys()].sort((a, b) => uses[b] - uses[a]);
      const total = uses.reduce((sum, count) => sum + count);
      const enough = new Set<number>();
      for (let sum = 0; sum < 0.8 * total; ) {
        sum += uses[busiest[enough.size]];
        enough.add(busiest[enough.size]);
      }
      return enough;
    });
    for (const { size } of hot) {
      expect(size / NEURONS).toBeGreaterThan(0.17);
      expect(size / NEURONS).toBeLessThan(0.26);
    }
    const common = [...hot[0]].filter((unit) => hot[1].has(unit)).length;
    expect(common / hot[0].size).toBeLessThan(0.3);
  });

  it('is a basis for judging caches, unlike independent draws', () => {
    const { independent, reuse } = replay(activity, { memoryBytes: 2 * NEURONS * 16384 * 0.3 });
    expect(independent).toBe(false);
    expect(reuse).toBeGreaterThan(0.4);
  });

  it.for<[string, Partial<typeof OPT_6_7B>, string]>([
    ['no favourites', { hotShare: 0.8 }, 'below 0.8'],
    ['tokens that draw independently', { windowUnion: 1 - 0.9 ** 5 }, 'no basis for judging caches'],
    ['a union below the active share', { windowUnion: 0.05 }, 'the union above the active share'],
    ['more new neurons than the union allows', { newPerToken: 0.08 }, 'nearest newPerToken'],
    ['fewer new neurons than the union needs', { newPerToken: 0.01 }, 'nearest newPerToken'],
  ])('with %s is refused, and the message says why', ([, changed, why]) => {
    const statistics = { ...OPT_6_7B, ...changed };
    expect(() => generateActivity({ statistics, layers: [layer], tokens: 1, random: seededRandom(1) })).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining(why) }),
    );
  });
});
