import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ExpertsSpec } from '../model/spec.js';
import type { Selector } from './selector.js';

export interface RouterOptions {
  /** The router of each layer, [numExperts, hiddenSize]. */
  matrices: readonly ResidentMatrix[];
  /** The biases that each layer adds to the logits, [numExperts]; null for none. */
  biases: readonly Float32Array[] | null;
  experts: ExpertsSpec;
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * A mixture of experts says itself which rows it needs: a softmax over the router's logits, and the likeliest experts
 * of each token (arXiv 2101.03961, 2401.04088). A unit is an expert. The first expert wins where several are equal.
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

  return {
    name: 'router',
    exact: true,
    residentProducts: null,
    weights,
    select(layer, x, tokens, units) {
      matrices[layer].matmul(x, tokens, logits);
      if (biases) for (let i = 0; i < tokens * numExperts; i++) logits[i] += biases[layer][i % numExperts];
      asked.fill(0);
      for (let token = 0; token < tokens; token++) {
        const at = token * numExpertsPerToken;
        pickLikeliest(logits, token * numExperts, numExperts, chosen, at, numExpertsPerToken);
        softmax(logits, token * numExperts, numExperts, chosen, at, numExpertsPerToken, normalizeWeights, shares);
        for (let i = at; i < at + numExpertsPerToken; i++) asked[chosen[i]] = 1;
      }
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

/**
 * Writes the `count` experts with the largest of logits[first, first + numExperts) to chosen[at, at + count), the
 * largest first.
 */
function pickLikeliest(
  logits: Float32Array,
  first: number,
  numExperts: number,
  chosen: Uint32Array,
  at: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) {
    let best = -1;
    for (let expert = 0; expert < numExperts; expert++) {
      if (isAmong(chosen, at, k, expert)) continue;
      // Written so that NaN is chosen too: damage must show in the output.
      if (best < 0 || !(logits[first + expert] <= logits[first + best])) best = expert;
    }
    chosen[at + k] = best;
  }
}

/**
 * Writes the share of each chosen expert: of the sum over the chosen ones where `normalized`, else of the sum over all.
 */
function softmax(
  logits: Float32Array,
  first: number,
  numExperts: number,
  chosen: Uint32Array,
  at: number,
  count: number,
  normalized: boolean,
  shares: Float32Array,
): void {
  // The first choice is the largest, so that no exponential overflows.
  const top = logits[first + chosen[at]];
  let sum = 0;
  if (normalized) for (let k = 0; k < count; k++) sum += Math.exp(logits[first + chosen[at + k]] - top);
  else for (let expert = 0; expert < numExperts; expert++) sum += Math.exp(logits[first + expert] - top);
  for (let k = 0; k < count; k++) shares[at + k] = Math.exp(logits[first + chosen[at + k]] - top) / sum;
}

function isAmong(chosen: Uint32Array, at: number, count: number, expert: number): boolean {
  for (let i = at; i < at + count; i++) if (chosen[i] === expert) return true;
  return false;
}
