import { describe, expect, it } from 'vitest';
import { NEUTRAL_SAMPLING } from '../../dist/src/contract/sampling-options.js';
import { Sampler, type SamplerOptions } from '../../dist/src/engine/sampler.js';

const logits = () => Float32Array.from([1, 3, 2, -1, 3, 0]);
const sampler = (options: Partial<SamplerOptions> = {}) =>
  new Sampler({
    ...NEUTRAL_SAMPLING,
    temperature: 1,
    seed: 7,
    vocabSize: 6,
    masked: [],
    breaks: () => false,
    ...options,
  });

/** Shares of 20,000 draws. */
function shares(options: Partial<SamplerOptions>): number[] {
  const drawn = sampler(options);
  const counts = new Array(6).fill(0);
  for (let i = 0; i < 20_000; i++) counts[drawn.next(logits(), [])] += 1 / 20_000;
  return counts;
}

function softmax(values: number[], temperature: number): number[] {
  const weights = values.map((value) => Math.exp(value / temperature));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

describe('Sampler', () => {
  it('takes the likeliest at temperature 0, the lower id of equals', () => {
    expect(sampler({ temperature: 0 }).next(logits(), [])).toBe(1);
  });

  it('never draws what is masked', () => {
    expect(sampler({ temperature: 0, masked: [1, 4] }).next(logits(), [])).toBe(2);
  });

  it.each([0.5, 1, 2])('draws by softmax at temperature %s', (temperature) => {
    const expected = softmax([...logits()], temperature);
    for (const [id, share] of shares({ temperature }).entries()) expect(share).toBeCloseTo(expected[id], 1);
  });

  it('draws from the topK likeliest alone', () => {
    const drawn = shares({ topK: 3 });
    expect([drawn[0], drawn[3], drawn[5]]).toEqual([0, 0, 0]);
    expect(drawn[2]).toBeCloseTo(softmax([3, 2, 3], 1)[1], 1);
  });

  it('draws from the smallest set that reaches topP', () => {
    // The two best hold 0.77 of the mass.
    const drawn = shares({ topP: 0.75 });
    expect(drawn[1] + drawn[4]).toBeCloseTo(1, 5);
    expect(shares({ topP: 0.8 })[2]).toBeGreaterThan(0);
    expect(shares({ topP: 1e-9 })[1]).toBeCloseTo(1, 5);
  });

  it('drops what is less likely than minP of the best', () => {
    const drawn = shares({ minP: 0.2 });
    expect([drawn[0], drawn[3], drawn[5]]).toEqual([0, 0, 0]);
    expect(drawn[2]).toBeGreaterThan(0);
  });

  it('repeats itself with the same seed, and not with another', () => {
    const draws = (seed: number) => {
      const drawn = sampler({ seed });
      return Array.from({ length: 50 }, () => drawn.next(logits(), []));
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
    // Seeds differ in all their bits, not in the lowest 32 alone.
    expect(draws(2 ** 32 + 1)).not.toEqual(draws(1));
  });

  it('makes what was said less likely, once however often it was said, for 64 tokens', () => {
    const penalized = (history: number[]) => {
      const values = logits();
      sampler({ temperature: 0, repeatPenalty: 2 }).next(values, history);
      return [...values];
    };
    expect(penalized([1, 1, 3])).toEqual([1, 1.5, 2, -2, 3, 0]);
    expect(penalized([1, ...new Array(64).fill(5)])).toEqual([1, 3, 2, -1, 3, 0]);
  });

  it('reaches rare candidates when topK asks for them', () => {
    const rare = new Float32Array(6).fill(-40);
    rare[2] = 0;
    const drawn = sampler({ topK: 6, temperature: 40, seed: 3 });
    const seen = new Set(Array.from({ length: 200 }, () => drawn.next(Float32Array.from(rare), [])));
    expect(seen.size).toBe(6);
  });

  // No probability follows from such logits. PyTorch's multinomial refuses them too.
  it.each([
    ['NaN', [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
    ['NaN among numbers, first', [Number.NaN, 1, 2, 3, 4, 5]],
    ['NaN among numbers, last', [5, 4, 3, 2, 1, Number.NaN]],
    ['NaN beside the best', [1, 9, Number.NaN, 9, 1, 1]],
    ['infinity', [1, 2, Number.POSITIVE_INFINITY, 3, 4, 5]],
    ['nothing but minus infinity', new Array(6).fill(Number.NEGATIVE_INFINITY)],
  ])('refuses logits with %s, however it draws', (_, values) => {
    for (const options of [
      { temperature: 0 },
      {},
      { topK: 2 },
      { topP: 0.5 },
      { minP: 0.1 },
      { repeatPenalty: 2 },
      { typicalP: 0.5 },
      { xtcProbability: 0.5 },
      { logitBias: [[2, 1]] as const },
    ]) {
      const draw = () => sampler(options).next(Float32Array.from(values), [1]);
      expect(draw).toThrow(expect.objectContaining({ code: 'NOT_A_NUMBER' }));
    }
  });

  it('draws where some logits are minus infinity', () => {
    const some = () => Float32Array.from([Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY, 0, 0, 0]);
    expect(sampler({ temperature: 0 }).next(some(), [])).toBe(1);
    expect([0, 2]).not.toContain(sampler().next(some(), []));
  });
});
