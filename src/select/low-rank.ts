import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { Selector } from './selector.js';
import { TokenMasks } from './token-masks.js';

/** One layer's predictor: neuron n is expected to be active where (B A x)[n] + bias[n] > threshold. */
export interface LowRankLayer {
  /** A, [rank, hiddenSize]. */
  inner: ResidentMatrix;
  /** B, [numNeurons, rank]. */
  outer: ResidentMatrix;
  /** [numNeurons]: how often each neuron is active. A product of low rank cannot say that. */
  bias: Float32Array;
  /** `-Infinity` chooses every neuron. */
  threshold: number;
  neuronsPerUnit: number;
}

export interface LowRankOptions {
  layers: readonly LowRankLayer[];
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * The trained predictor of "LLM in a flash" (arXiv 2312.11514, 3.1). Its input is that of the layer's own feed-forward
 * network. Lossy.
 */
export function selectByLowRank({ layers, maxTokens }: LowRankOptions): Selector {
  const neurons = Math.max(...layers.map(({ outer }) => outer.rows));
  const codes = new Float32Array(maxTokens * Math.max(...layers.map(({ inner }) => inner.rows)));
  const scores = new Float32Array(maxTokens * neurons);
  const cutoffs = layers.map(({ bias, threshold }) => bias.map((offset) => threshold - offset));
  const masks = new TokenMasks(maxTokens, neurons);
  return {
    name: 'low-rank',
    exact: false,
    residentProducts: null,
    weights: masks.weights,
    select(layer, x, tokens, units) {
      const { inner, outer, neuronsPerUnit } = layers[layer];
      inner.matmul(x, tokens, codes);
      outer.matmul(codes, tokens, scores);
      return masks.choose(scores, cutoffs[layer], neuronsPerUnit, tokens, units);
    },
    dispose() {
      for (const { inner, outer } of layers) {
        inner.dispose();
        outer.dispose();
      }
    },
  };
}
