import type { SignBits } from '../select/sign-bits.js';
import type { ActiveSet } from './active-set.js';
import type { LayerInputs } from './layer-inputs.js';
import { type Division, ThresholdHistogram } from './threshold-histogram.js';

/** Tokens scored at once. The signs are made for as many. */
export const SIGN_TOKENS = 64;

export interface SignThreshold {
  /** A neuron is chosen if more of its signs than this agree with the input's. */
  threshold: number;
  division: Division;
}

/**
 * Chooses the threshold of the sign selector for a layer: the highest number of agreeing signs that misses at most
 * `falseNegativeRate` of the active neurons, over tokens [first, inputs.tokens).
 */
export function chooseSignThreshold(
  signs: SignBits,
  inputs: LayerInputs,
  active: ActiveSet,
  first: number,
  falseNegativeRate: number,
): SignThreshold {
  const { rows, columns } = signs;
  // Counts lie around half of the columns. The histogram is as wide as they can be.
  const histogram = new ThresholdHistogram(columns / 64);
  const x = new Float32Array(SIGN_TOKENS * columns);
  const agreement = new Float32Array(SIGN_TOKENS * rows);
  for (let at = first; at < inputs.tokens; at += SIGN_TOKENS) {
    const tokens = Math.min(SIGN_TOKENS, inputs.tokens - at);
    inputs.read(at, tokens, x, 0);
    signs.agreement(x, tokens, agreement);
    for (let token = 0; token < tokens; token++) {
      for (let n = 0; n < rows; n++)
        histogram.add(agreement[token * rows + n] - columns / 2, active.has(at + token, n));
    }
  }
  const threshold = histogram.threshold(falseNegativeRate);
  return { threshold: columns / 2 + threshold, division: histogram.at(threshold) };
}
