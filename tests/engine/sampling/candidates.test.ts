import { expect, it } from 'vitest';
import { NEUTRAL_SAMPLING, type SamplingSettings } from '../../../dist/src/contract/sampling-options.js';
import { seededRandom } from '../../../dist/src/engine/sampler.js';
import { Candidates } from '../../../dist/src/engine/sampling/candidates.js';

/** The ids that may be drawn, each with its probability: draws at places from 0 to 1. */
function shares(
  logits: Float32Array,
  settings: Partial<SamplingSettings>,
  chance = 1,
  places = 1000,
): Map<number, number> {
  const candidates = new Candidates({ ...NEUTRAL_SAMPLING, temperature: 1, seed: 0, ...settings }, logits.length);
  const top = logits.reduce((a, b) => Math.max(a, b));
  const found = new Map<number, number>();
  for (let i = 0; i < places; i++) {
    const id = candidates.draw(logits, top, chance, (i + 0.5) / places);
    found.set(id, (found.get(id) ?? 0) + 1 / places);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

const logitsOf = (probabilities: number[]) => Float32Array.from(probabilities, Math.log);

// The first two are those of llama.cpp's tests/test-sampling.cpp (test_typical).
it.each([
  [[0.97, 0.01, 0.01, 0.01], 0.5, [0]],
  [[0.4, 0.2, 0.2, 0.2], 0.5, [1, 2, 3]],
  // Entropy 1.03 nats; surprises 0.51, 1.2, 2.3: the second is nearest, the first follows.
  [[0.6, 0.3, 0.1], 0.2, [1]],
  [[0.6, 0.3, 0.1], 0.8, [0, 1]],
  [[0.6, 0.3, 0.1], 0.95, [0, 1, 2]],
])('of %j the typical ones of %d are %j', (probabilities, typicalP, expected) => {
  const found = shares(logitsOf(probabilities), { typicalP });
  expect([...found.keys()]).toEqual(expected);
  const sum = expected.reduce((total, id) => total + probabilities[id], 0);
  for (const [id, share] of found) expect(share).toBeCloseTo(probabilities[id] / sum, 2);
});

/** By the definition: all are sorted by how far their surprise is from the entropy. */
function naiveTypical(logits: Float32Array, temperature: number, share: number): number[] {
  const weights = Array.from(logits, (logit) => Math.exp(logit / temperature));
  const sum = weights.reduce((a, b) => a + b);
  const p = weights.map((weight) => weight / sum);
  const entropy = p.reduce((total, each) => total - (each > 0 ? each * Math.log(each) : 0), 0);
  const order = p
    .map((_, id) => id)
    .sort((a, b) => Math.abs(-Math.log(p[a]) - entropy) - Math.abs(-Math.log(p[b]) - entropy));
  const kept: number[] = [];
  for (let mass = 0; mass < share; ) {
    const id = order[kept.length];
    kept.push(id);
    mass += p[id];
  }
  return kept;
}

it('typical ones are found without sorting all, and by sorting all where rare ones are typical', () => {
  const random = seededRandom(3);
  for (const [spread, temperature] of [
    [3, 1],
    [12, 0.7],
    [30, 1],
    [0.01, 2],
  ]) {
    const logits = Float32Array.from({ length: 300 }, () => spread * (random() + random() + random()));
    const expected = naiveTypical(logits, temperature, 0.6);
    const found = shares(logits, { temperature, typicalP: 0.6 }, 1, 400);
    // Draws at 400 places do not reach what is rarer than that.
    for (const id of found.keys()) expect(expected).toContain(id);
    expect(found.size).toBeGreaterThanOrEqual(Math.min(expected.length, 60) / 2);
  }
  // One token has nearly all of the mass, thousands of rare ones the rest: the entropy is theirs.
  const skewed = new Float32Array(20_000).fill(-11.6);
  skewed[0] = 0;
  const expected = naiveTypical(skewed, 1, 0.9);
  const found = shares(skewed, { typicalP: 0.9 }, 1, 20);
  expect(found.size).toBeGreaterThan(1);
  for (const id of found.keys()) expect(expected).toContain(id);
});

// The first four are those of llama.cpp's tests/test-sampling.cpp (test_xtc).
it.each([
  [[0.4, 0.3, 0.2, 0.1], 0.09, [3]],
  [[0.4, 0.3, 0.2, 0.1], 0.19, [2, 3]],
  [[0.4, 0.3, 0.2, 0.1], 0.29, [1, 2, 3]],
  [[0.4, 0.3, 0.2, 0.1], 0.39, [0, 1, 2, 3]],
  [[0.3, 0.3, 0.3, 0.1], 0.25, [2, 3]],
  [[0.55, 0.45], 0.51, [0, 1]],
])('of %j XTC above %d leaves %j', (probabilities, xtcThreshold, expected) => {
  const settings = { xtcProbability: 0.5, xtcThreshold };
  expect([...shares(logitsOf(probabilities), settings, 0.49).keys()]).toEqual(expected);
  expect([...shares(logitsOf(probabilities), settings, 0.5).keys()]).toEqual(probabilities.map((_, id) => id));
  // In whatever order the candidates lie.
  expect([...shares(logitsOf(probabilities), { ...settings, topP: 0.999 }, 0.49).keys()]).toEqual(expected);
  const backwards = [...shares(logitsOf([...probabilities].reverse()), settings, 0.49).keys()];
  expect(backwards.length).toBe(expected.length);
});

it('each limit sees what the one before left', () => {
  // topK leaves 0.4, 0.3, 0.2 as 0.44, 0.33, 0.22; topP 0.7 the first two; XTC above 0.4 takes the first.
  const logits = logitsOf([0.4, 0.3, 0.2, 0.1]);
  expect([...shares(logits, { topK: 3, topP: 0.7 }).keys()]).toEqual([0, 1]);
  expect([...shares(logits, { topK: 3, topP: 0.7, xtcProbability: 1, xtcThreshold: 0.42 }, 0).keys()]).toEqual([1]);
  // Typical leaves 0.3, 0.2, 0.4 at 0.85 (entropy 1.28; surprises 0.92, 1.2, 1.6, 2.3), minP 0.6 drops 0.2.
  expect([...shares(logits, { typicalP: 0.85 }).keys()]).toEqual([0, 1, 2]);
  expect([...shares(logits, { typicalP: 0.85, minP: 0.6 }).keys()]).toEqual([0, 1]);
  expect([...shares(logits, { typicalP: 0.45 }).keys()]).toEqual([1, 2]);
  expect([...shares(logits, { typicalP: 0.45, minP: 0.6 }).keys()]).toEqual([1, 2]);
});
