import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ExpertsSpec } from '../model/spec.js';
import type { Selector } from './selector.js';

export interface RouterOptions {
  /** Per layer the router, [numExperts, hiddenSize]. */
  matrices: readonly ResidentMatrix[];
  /** Per layer what is added to the logits, [numExperts]; null where nothing is. */
  biases: readonly Float32Array[] | null;
  experts: ExpertsSpec;
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * A mixture of experts says itself which rows it needs: softmax over the router's logits, and the likeliest experts of
 * each token (arXiv 2101.03961, 2401.04088). A unit is an expert; of equals the first wins.
 */
export function selectByRouter({ matrices, biases, experts, maxTokens }: RouterOptions): Selector {
  const { numExperts, numExpertsPerToken, normalizeWeights } = experts;
  const logits = new Float32Array(maxTokens * numExperts);
  const chosen = new Uint32Array(maxTokens * numExpertsPerToken);
  const shares = new Float32Array(maxTokens * numExpertsPerToken);
  const weights = new Float32Array(maxTokens * numExperts);
  /** Place of each expert among the units of this call. */
  const places = new Uint32Array(numExperts);
  const asked = new Uint8Array(numExperts);

  const route = (token: number) => {
    const first = token * numExperts;
    const at = token * numExpertsPerToken;
    for (let k = 0; k < numExpertsPerToken; k++) {
      let best = -1;
      for (let expert = 0; expert < numExperts; expert++) {
        if (isAmong(chosen, at, k, expert)) continue;
        // Written so that NaN is taken too, rather than nothing: damage must show in the output.
        if (best < 0 || !(logits[first + expert] <= logits[first + best])) best = expert;
      }
      chosen[at + k] = best;
      asked[best] = 1;
    }
    // The first chosen is the likeliest: relative to it no exponential overflows.
    const top = logits[first + chosen[at]];
    let sum = 0;
    if (normalizeWeights)
      for (let k = 0; k < numExpertsPerToken; k++) sum += Math.exp(logits[first + chosen[at + k]] - top);
    else for (let expert = 0; expert < numExperts; expert++) sum += Math.exp(logits[first + expert] - top);
    for (let k = 0; k < numExpertsPerToken; k++) shares[at + k] = Math.exp(logits[first + chosen[at + k]] - top) / sum;
  };

  return {
    name: 'router',
    exact: true,
    given: null,
    weights,
    select(layer, x, tokens, units) {
      matrices[layer].matmul(x, tokens, logits);
      if (biases) for (let i = 0; i < tokens * numExperts; i++) logits[i] += biases[layer][i % numExperts];
      asked.fill(0);
      for (let token = 0; token < tokens; token++) route(token);
      let count = 0;
      for (let expert = 0; expert < numExperts; expert++) {
        if (asked[expert] === 0) continue;
        places[expert] = count;
        units[count++] = expert;
      }
      weights.fill(0, 0, tokens * count);
      for (let token = 0; token < tokens; token++) {
        for (let i = token * numExpertsPerToken; i < (token + 1) * numExpertsPerToken; i++) {
          weights[token * count + places[chosen[i]]] = shares[i];
        }
      }
      return count;
    },
    dispose() {
      for (const matrix of matrices) matrix.dispose();
    },
  };
}

function isAmong(chosen: Uint32Array, at: number, count: number, expert: number): boolean {
  for (let i = at; i < at + count; i++) if (chosen[i] === expert) return true;
  return false;
}
