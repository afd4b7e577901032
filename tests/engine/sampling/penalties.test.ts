import { expect, it } from 'vitest';
import { NEUTRAL_SAMPLING } from '../../../dist/src/contract/sampling-options.js';
import { DryPenalty } from '../../../dist/src/engine/sampling/dry.js';
import { Penalties } from '../../../dist/src/engine/sampling/penalties.js';

/* The probabilities on the right are those of llama.cpp's tests/test-sampling.cpp (test_penalties, test_dry). */

const logitsOf = (probabilities: number[]) => Float32Array.from(probabilities, Math.log);

function probabilities(logits: Float32Array): number[] {
  const weights = Array.from(logits, Math.exp);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

const FIFTHS = [0.2, 0.2, 0.2, 0.2, 0.2];
const QUARTERS = [0.25, 0.25, 0.25, 0.25];

it.each([
  [[0], [0, 0.25, 0.25, 0.25, 0.25], 50, 0, 0],
  [[0, 1, 2], [0, 0, 0, 0.5, 0.5], 50, 0, 0],
  [[0, 1, 2, 0, 0], [0, 0, 0, 0.5, 0.5], 50, 0, 0],
  [[0], [0.000011, 0.249997, 0.249997, 0.249997, 0.249997], 1, 5, 5],
  [[0, 1, 2], [0.000023, 0.000023, 0.000023, 0.499966, 0.499966], 1, 5, 5],
  [[0, 1, 2, 0, 0], [0, 0.000023, 0.000023, 0.499977, 0.499977], 1, 5, 5],
])('after %j the tokens have %j', (history, expected, repeatPenalty, frequencyPenalty, presencePenalty) => {
  const settings = { ...NEUTRAL_SAMPLING, repeatPenalty, frequencyPenalty, presencePenalty };
  const penalties = new Penalties(settings, 5);
  // Twice: nothing is left over from a place before.
  for (let place = 0; place < 2; place++) {
    const logits = logitsOf(FIFTHS);
    penalties.apply(logits, history);
    for (const [id, share] of probabilities(logits).entries()) expect(share).toBeCloseTo(expected[id], 5);
  }
});

it('the window holds the last tokens alone, and all of them where it is Infinity', () => {
  const after = (penaltyWindow: number, history: number[]) => {
    const logits = new Float32Array(3);
    new Penalties({ ...NEUTRAL_SAMPLING, presencePenalty: 1, frequencyPenalty: 0.5, penaltyWindow }, 3).apply(
      logits,
      history,
    );
    return [...logits];
  };
  expect(after(2, [0, 0, 1, 2])).toEqual([0, -1.5, -1.5]);
  expect(after(Number.POSITIVE_INFINITY, [0, 0, 1])).toEqual([-2, -1.5, 0]);
  expect(Penalties.areOn({ ...NEUTRAL_SAMPLING, presencePenalty: 1, penaltyWindow: 0 })).toBe(false);
});

it.each([
  [QUARTERS, [0, 1], QUARTERS, 1, 2, 4, []],
  [QUARTERS, [0, 1, 2, 0, 1], [0.296923, 0.296923, 0.109232, 0.296923], 1, 2, 5, []],
  [FIFTHS, [0, 1, 3, 4, 0, 1], FIFTHS, 1, 2, 6, [3]],
  [FIFTHS, [0, 1, 2, 0, 1], [0.241818, 0.241818, 0.032727, 0.241818, 0.241818], 2, 2, 5, []],
  [FIFTHS, [0, 1, 2, 3, 4, 0, 1], FIFTHS, 1, 4, 7, []],
] as const)('DRY: %j after %j becomes %j', (before, history, expected, multiplier, allowed, window, breakers) => {
  const settings = { dryMultiplier: multiplier, dryBase: 1.1, dryAllowedLength: allowed, dryWindow: window };
  const breaks = (id: number) => (breakers as readonly number[]).includes(id);
  const logits = logitsOf([...before]);
  new DryPenalty(settings, breaks).apply(logits, history);
  for (const [id, share] of probabilities(logits).entries()) expect(share).toBeCloseTo(expected[id], 5);
});

/** The longest end of `history` that stands before each place, looked for letter by letter. */
function naiveDry(history: number[], vocabSize: number, breaks: (id: number) => boolean): number[] {
  const lengths = new Array(vocabSize).fill(0);
  for (let at = 1; at < history.length; at++) {
    let length = 0;
    while (
      length < at &&
      history[at - 1 - length] === history[history.length - 1 - length] &&
      !breaks(history[at - 1 - length])
    )
      length++;
    lengths[history[at]] = Math.max(lengths[history[at]], length);
  }
  return lengths.map((length, id) => (length < 2 || breaks(id) ? 0 : -0.8 * 1.75 ** (length - 2)));
}

it('DRY finds the longest sequences, whatever the history', () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const breaks = (id: number) => id === 3;
  const dry = new DryPenalty({ ...NEUTRAL_SAMPLING, dryMultiplier: 0.8 }, breaks);
  let penalized = 0;
  for (let round = 0; round < 300; round++) {
    const history = Array.from({ length: 1 + random(40) }, () => random(4));
    const logits = new Float32Array(4);
    dry.apply(logits, history);
    const expected = naiveDry(history, 4, breaks);
    for (let id = 0; id < 4; id++) expect(logits[id]).toBeCloseTo(expected[id], 4);
    if (expected.some((value) => value < 0)) penalized++;
  }
  expect(penalized).toBeGreaterThan(50);
});

it('numbers beyond what a float holds are taken as the largest', () => {
  for (const more of [{ presencePenalty: -1e308 }, { frequencyPenalty: 1e308 }, { repeatPenalty: 1e-308 }]) {
    const logits = Float32Array.of(1, -1, 0);
    new Penalties({ ...NEUTRAL_SAMPLING, ...more }, 3).apply(logits, [0, 1, 1]);
    expect([...logits].every(Number.isFinite)).toBe(true);
  }
  const logits = Float32Array.of(1, 1, 1);
  new DryPenalty({ ...NEUTRAL_SAMPLING, dryMultiplier: 1e308 }, () => false).apply(logits, [0, 1, 2, 0, 1]);
  expect(Number.isFinite(logits[2])).toBe(true);
});
