import type { Selector } from './selector.js';
import type { SignBits } from './sign-bits.js';
import { TokenMasks } from './token-masks.js';

export interface SignLayer {
  /** The signs of the gate, or of up where there is no gate, [numNeurons, hiddenSize]. */
  signs: SignBits;
  /** A neuron is chosen where more columns than this agree with the input; `-Infinity` chooses every neuron. */
  threshold: number;
  neuronsPerUnit: number;
}

export interface SignOptions {
  layers: readonly SignLayer[];
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * Needs no training: a neuron is likely to be above zero where most of its weights have the signs of the input. Lossy.
 */
export function selectBySign({ layers, maxTokens }: SignOptions): Selector {
  const neurons = Math.max(...layers.map(({ signs }) => signs.rows));
  const agreement = new Float32Array(maxTokens * neurons);
  const cutoffs = layers.map(({ signs, threshold }) => new Float32Array(signs.rows).fill(threshold));
  const masks = new TokenMasks(maxTokens, neurons);
  return {
    name: 'sign',
    exact: false,
    residentProducts: null,
    weights: masks.weights,
    select(layer, x, tokens, units) {
      const { signs, neuronsPerUnit } = layers[layer];
      signs.agreement(x, tokens, agreement);
      return masks.choose(agreement, cutoffs[layer], neuronsPerUnit, tokens, units);
    },
    dispose() {},
  };
}
