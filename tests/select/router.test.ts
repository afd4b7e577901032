import { describe, expect, it } from 'vitest';
import type { ResidentMatrix } from '../../dist/native-bridge/bridge.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';
import type { ExpertsSpec } from '../../dist/src/model/spec.js';
import { selectByRouter } from '../../dist/src/select/router.js';
import type { RouterVectors } from '../../dist/src/select/routing.js';
import { expertsSpec } from '../support/spec.js';

const EXPERTS = 16;
const PER_TOKEN = 3;
const TOKENS = 5;

/** Stands for a router whose products are `logits`, whatever it is asked. */
const routerOf = (logits: Float32Array): ResidentMatrix =>
  ({ matmul: (_x: Float32Array, _tokens: number, y: Float32Array) => y.set(logits), dispose() {} }) as never;

const NO_VECTORS = { logitBias: null, selectionBias: null, outputScales: null };

function selectWith(
  logits: Float32Array,
  tokens: number,
  experts: Partial<ExpertsSpec>,
  vectors: Partial<RouterVectors> = {},
) {
  const selector = selectByRouter({
    layers: [{ matrix: routerOf(logits), ...NO_VECTORS, ...vectors }],
    experts: expertsSpec({ numExperts: EXPERTS, numExpertsPerToken: PER_TOKEN, ...experts }),
    maxTokens: TOKENS,
  });
  const units = new Uint32Array(EXPERTS);
  const count = selector.select(0, new Float32Array(0), tokens, units);
  return { units: [...units.subarray(0, count)], weights: selector.weights!.subarray(0, tokens * count) };
}

const select = (logits: Float32Array, tokens: number, normalizeWeights: boolean) =>
  selectWith(logits, tokens, { normalizeWeights });

function randomLogits(tokens: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: tokens * EXPERTS }, () => 8 * random() - 4);
}

/** Weight of each expert for one token, by the definition: softmax over all, the best kept, scaled to 1 where asked. */
function expected(logits: Float32Array, normalizeWeights: boolean): number[] {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const shares = [...logits].map((logit) => Math.exp(logit) / total);
  const best = shares.toSorted((a, b) => b - a).slice(0, PER_TOKEN);
  const scale = normalizeWeights ? best.reduce((sum, share) => sum + share, 0) : 1;
  return shares.map((share) => (best.includes(share) ? share / scale : 0));
}

describe('selectByRouter', () => {
  it('takes the experts of a token from a table where there is one, and weighs them by the router', () => {
    const logits = randomLogits(2, 9);
    const table = Int32Array.of(0, 0, 0, 5, 1, 9, 7, 2, 15);
    const experts = expertsSpec({ numExperts: EXPERTS, numExpertsPerToken: PER_TOKEN, normalizeWeights: true });
    const selector = selectByRouter({
      layers: [{ matrix: routerOf(logits), ...NO_VECTORS, table }],
      experts: { ...experts, scoring: 'sqrt-softplus', weightScale: 1.5 },
      maxTokens: TOKENS,
    });
    const units = new Uint32Array(EXPERTS);
    selector.begin!([2, 1]);
    const count = selector.select(0, new Float32Array(0), 2, units);
    expect([...units.subarray(0, count)]).toEqual([1, 2, 5, 7, 9, 15]);
    const weights = selector.weights!.subarray(0, 2 * count);
    for (const [token, chosen] of [
      [7, 2, 15],
      [5, 1, 9],
    ].entries()) {
      const scores = chosen.map((expert) => Math.sqrt(Math.log(1 + Math.exp(logits[token * EXPERTS + expert]))));
      const sum = scores.reduce((a, b) => a + b);
      for (let unit = 0; unit < count; unit++) {
        const at = chosen.indexOf(units[unit]);
        expect(weights[token * count + unit]).toBeCloseTo(at < 0 ? 0 : (1.5 * scores[at]) / sum, 6);
      }
    }
  });

  for (const normalizeWeights of [true, false]) {
    it(`weighs the likeliest experts of each token by their softmax${normalizeWeights ? ', scaled to 1' : ''}`, () => {
      const logits = randomLogits(TOKENS, 1);
      const { units, weights } = select(logits, TOKENS, normalizeWeights);
      expect(units).toEqual([...new Set(units)].sort((a, b) => a - b));
      for (let token = 0; token < TOKENS; token++) {
        const wanted = expected(logits.subarray(token * EXPERTS, (token + 1) * EXPERTS), normalizeWeights);
        wanted.forEach((weight, expert) => {
          const at = units.indexOf(expert);
          expect(at < 0 ? 0 : weights[token * units.length + at]).toBeCloseTo(weight, 6);
        });
      }
    });
  }

  it('gives a token of a chunk what it gives that token alone', () => {
    const logits = randomLogits(TOKENS, 2);
    const chunk = select(logits, TOKENS, true);
    for (let token = 0; token < TOKENS; token++) {
      const alone = select(logits.subarray(token * EXPERTS, (token + 1) * EXPERTS), 1, true);
      const row = chunk.weights.subarray(token * chunk.units.length, (token + 1) * chunk.units.length);
      expect(chunk.units.filter((_, i) => row[i] !== 0)).toEqual(alone.units);
      expect([...row].filter((weight) => weight !== 0)).toEqual([...alone.weights]);
    }
  });

  it('takes the first of equal experts, and stays finite for huge logits', () => {
    const equal = select(new Float32Array(EXPERTS).fill(3), 1, true);
    expect(equal.units).toEqual([0, 1, 2]);
    const huge = select(
      Float32Array.from({ length: EXPERTS }, (_, i) => (i === 5 ? 1e30 : -1e30)),
      1,
      true,
    );
    expect(huge.weights[huge.units.indexOf(5)]).toBe(1);
  });

  it('lets NaN show', () => {
    const { units, weights } = select(new Float32Array(EXPERTS).fill(Number.NaN), 1, true);
    expect(units).toHaveLength(PER_TOKEN);
    expect([...weights].every(Number.isNaN)).toBe(true);
  });

  /**
   * One token's weights by the definitions of DeepSeek V2 and V3 (arXiv 2405.04434, 2412.19437), sorted out with whole
   * arrays.
   */
  function byDefinition(
    logits: Float32Array,
    { scoring = 'softmax', groups = null, normalizeWeights = true, weightScale = 1 }: Partial<ExpertsSpec>,
    bias = new Float32Array(EXPERTS),
    factors = new Float32Array(EXPERTS).fill(1),
  ): number[] {
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const scores = [...logits].map((logit) => {
      if (scoring === 'softmax') return Math.exp(logit) / total;
      return scoring === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : Math.sqrt(Math.log(1 + Math.exp(logit)));
    });
    let ranked = scores.map((score, expert) => ({ expert, rank: score + bias[expert] }));
    if (groups) {
      const size = EXPERTS / groups.count;
      const byGroup = Array.from({ length: groups.count }, (_, g) => ranked.slice(g * size, (g + 1) * size));
      const worth = (group: typeof ranked) => {
        const ranks = group.map(({ rank }) => rank).toSorted((a, b) => b - a);
        return groups.ranking === 'best' ? ranks[0] : ranks[0] + ranks[1];
      };
      ranked = byGroup
        .toSorted((a, b) => worth(b) - worth(a))
        .slice(0, groups.used)
        .flat();
    }
    const chosen = ranked
      .toSorted((a, b) => b.rank - a.rank)
      .slice(0, PER_TOKEN)
      .map(({ expert }) => expert);
    const sum = normalizeWeights ? chosen.reduce((all, expert) => all + scores[expert], 0) : 1;
    return scores.map((score, e) => (chosen.includes(e) ? (score / sum) * weightScale * factors[e] : 0));
  }

  const biases = randomLogits(1, 7).map((value) => value / 8);
  const factors = randomLogits(1, 8).map((value) => 1 + value / 8);
  it.each<[string, Partial<ExpertsSpec>]>([
    ['a softmax', { scoring: 'softmax' }],
    ['a sigmoid', { scoring: 'sigmoid' }],
    ['a sigmoid that is not scaled to 1', { scoring: 'sigmoid', normalizeWeights: false, weightScale: 2.5 }],
    ['the root of softplus', { scoring: 'sqrt-softplus', weightScale: 1.5 }],
    ['a sigmoid within groups', { scoring: 'sigmoid', groups: { count: 4, used: 2, ranking: 'two-best' } }],
    ['a softmax within groups by their best', { scoring: 'softmax', groups: { count: 4, used: 2, ranking: 'best' } }],
    [
      'a softmax within groups',
      { scoring: 'softmax', groups: { count: 8, used: 3, ranking: 'two-best' }, normalizeWeights: false },
    ],
  ])('routes by %s, with and without a bias for the choice and factors of outputs', (_, experts) => {
    const logits = randomLogits(TOKENS, 3);
    for (const selectionBias of [null, biases]) {
      for (const outputScales of [null, factors]) {
        const { units, weights } = selectWith(logits, TOKENS, experts, { selectionBias, outputScales });
        for (let token = 0; token < TOKENS; token++) {
          const row = logits.subarray(token * EXPERTS, (token + 1) * EXPERTS);
          byDefinition(row, experts, selectionBias ?? undefined, outputScales ?? undefined).forEach(
            (weight, expert) => {
              const at = units.indexOf(expert);
              expect(at < 0 ? 0 : weights[token * units.length + at]).toBeCloseTo(weight, 6);
            },
          );
        }
      }
    }
  });

  it('adds a bias of the logits before anything else', () => {
    const logits = randomLogits(1, 4);
    const biased = logits.map((logit, expert) => logit + biases[expert]);
    const [one, other] = [selectWith(logits, 1, {}, { logitBias: biases }), select(biased, 1, true)];
    expect(one.units).toEqual(other.units);
    for (const [i, weight] of one.weights.entries()) expect(weight).toBeCloseTo(other.weights[i], 6);
  });

  it('asks for all of a layer without experts, each unit once for every token', () => {
    const layers = [{ units: 5 }, { matrix: routerOf(randomLogits(1, 5)), ...NO_VECTORS }];
    const experts = expertsSpec({ numExperts: EXPERTS, numExpertsPerToken: PER_TOKEN });
    const selector = selectByRouter({ layers, experts, maxTokens: TOKENS });
    const units = new Uint32Array(EXPERTS);
    expect(selector.select(0, new Float32Array(0), TOKENS, units)).toBe(5);
    expect([...units.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
    expect(selector.weights).toBeNull();
    expect(selector.select(1, new Float32Array(0), 1, units)).toBe(PER_TOKEN);
    expect(selector.weights).not.toBeNull();
  });
});
