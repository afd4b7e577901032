import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { Selector } from './selector.js';

export interface GateOptions {
  /** The resident gate of each layer, or its up matrix where there is no gate, [numNeurons, hiddenSize]. */
  matrices: readonly ResidentMatrix[];
  /** The biases that each layer adds to the products, [numNeurons]; null for none. */
  biases: readonly (Float32Array | null)[];
  neuronsPerUnit: readonly number[];
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * ReLU sparsity without guessing. The gate stays resident, and its products say exactly which neurons are active: those
 * above zero. Only the other rows of these neurons are read.
 */
export function selectByGate({ matrices, biases, neuronsPerUnit, maxTokens }: GateOptions): Selector {
  const products = new Float32Array(maxTokens * Math.max(...matrices.map((matrix) => matrix.rows)));
  return {
    name: 'gate',
    exact: true,
    residentProducts: products,
    weights: null,
    select(layer, x, tokens, units) {
      const neurons = matrices[layer].rows;
      const perUnit = neuronsPerUnit[layer];
      matrices[layer].matmul(x, tokens, products);
      const bias = biases[layer];
      if (bias) for (let i = 0; i < tokens * neurons; i++) products[i] += bias[i % neurons];
      let count = 0;
      for (let first = 0; first < neurons; first += perUnit) {
        if (anyActive(products, neurons, first, Math.min(first + perUnit, neurons), tokens))
          units[count++] = first / perUnit;
      }
      return count;
    },
    dispose() {
      for (const matrix of matrices) matrix.dispose();
    },
  };
}

/** NaN counts as active: damage must show in the output. */
function anyActive(products: Float32Array, neurons: number, first: number, end: number, tokens: number): boolean {
  for (let row = 0; row < tokens * neurons; row += neurons) {
    for (let i = row + first; i < row + end; i++) if (!(products[i] <= 0)) return true;
  }
  return false;
}
