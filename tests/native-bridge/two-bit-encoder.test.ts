import { expect, it } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { encodeQ2K } from '../../dist/native-bridge/two-bit-encoder.js';
import { random } from '../support/random.js';

function roundTrip(weights: Float32Array): { bytes: Uint8Array; back: Float32Array } {
  const bytes = new Uint8Array((weights.length / 256) * 84).fill(255);
  encodeQ2K(weights, 0, weights.length, bytes, 0);
  const back = new Float32Array(weights.length);
  dequantize('q2_K', bytes, 0, weights.length, back, 0);
  return { bytes, back };
}

const relativeError = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(
    a.reduce((sum, weight, i) => sum + (weight - b[i]) ** 2, 0) / a.reduce((sum, weight) => sum + weight ** 2, 0),
  );

/** About normal: the sum of four uniform numbers. */
const normal = (length: number, seed: number): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length }, () => next() + next() + next() + next() - 2);
};

it('Q2_K blocks come near normal weights, as near as four levels in runs of 16 do', () => {
  const weights = normal(256 * 40, 3);
  const error = relativeError(weights, roundTrip(weights).back);
  // The best four levels for a normal distribution leave an error of 0.343 (J. Max, 1960). A range for each run of 16
  // does about as well, and so do four bits for steps and minimums.
  expect(error).toBeLessThan(0.36);
  expect(error).toBeGreaterThan(0.1);
});

it('weights that four levels can say come back as they were, but for the rounding of the scales', () => {
  const next = random(5);
  const weights = Float32Array.from({ length: 512 }, () => Math.floor(4 * next()) * 0.5 - 0.5);
  // Every run has the least and the most.
  for (let run = 0; run < 512; run += 16) weights.set([-0.5, 1], run);
  expect(relativeError(weights, roundTrip(weights).back)).toBeLessThan(0.001);
});

it('zeros, and runs of zeros among others, stay zeros', () => {
  expect(roundTrip(new Float32Array(256)).back.every((weight) => weight === 0)).toBe(true);
  const weights = normal(256, 9);
  weights.fill(0, 32, 48);
  const { back } = roundTrip(weights);
  expect(back.subarray(32, 48).every((weight) => weight === 0)).toBe(true);
  expect(back.every(Number.isFinite)).toBe(true);
});
