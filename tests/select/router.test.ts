import { describe, expect, it } from 'vitest';
import type { ResidentMatrix } from '../../dist/native-bridge/bridge.js';
import { seededRandom } from '../../dist/src/engine/sampler.js';
import { selectByRouter } from '../../dist/src/select/router.js';

const EXPERTS = 16;
const PER_TOKEN = 3;
const TOKENS = 5;

/** Stands for a router whose products are `logits`, whatever it is asked. */
const routerOf = (logits: Float32Array): ResidentMatrix =>
  ({ matmul: (_x: Float32Array, _tokens: number, y: Float32Array) => y.set(logits), dispose() {} }) as never;

function select(logits: Float32Array, tokens: number, normalizeWeights: boolean) {
  const experts = {
    numExperts: EXPERTS,
    numExpertsPerToken: PER_TOKEN,
    intermediateSize: 32,
    normalizeWeights,
    sharedIntermediateSize: 0,
  };
  const selector = selectByRouter({ matrices: [routerOf(logits)], biases: null, experts, maxTokens: TOKENS });
  const units = new Uint32Array(EXPERTS);
  const count = selector.select(0, new Float32Array(0), tokens, units);
  return { units: [...units.subarray(0, count)], weights: selector.weights!.subarray(0, tokens * count) };
}

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
});
