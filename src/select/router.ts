import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { ExpertsSpec } from '../model/spec.js';
import { createRoute, type RouterVectors } from './routing.js';
import type { Selector } from './selector.js';

/** A layer's router, [numExperts, hiddenSize]. */
export interface RouterLayer extends RouterVectors {
  matrix: ResidentMatrix;
  /** The experts of each token id, [vocabSize, numExpertsPerToken]. Absent or null: the router chooses. */
  table?: Int32Array | null;
}

/** A layer without experts: every token needs all of its units. */
export interface DenseRouterLayer {
  units: number;
}

export interface RouterOptions {
  layers: readonly (RouterLayer | DenseRouterLayer)[];
  experts: ExpertsSpec;
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * A mixture of experts says itself which rows it needs. A unit is an expert (routing.ts), or a part of a dense layer.
 */
export function selectByRouter({ layers, experts, maxTokens }: RouterOptions): Selector {
  const { numExperts, numExpertsPerToken } = experts;
  const route = createRoute(experts);
  const logits = new Float32Array(maxTokens * numExperts);
  const chosen = new Uint32Array(maxTokens * numExpertsPerToken);
  const shares = new Float32Array(maxTokens * numExpertsPerToken);
  const weights = new Float32Array(maxTokens * numExperts);
  /** Place of each expert among the units of this call. */
  const places = new Uint32Array(numExperts);
  const asked = new Uint8Array(numExperts);
  let isDense = false;
  /** The ids of the pass. */
  let ids: ArrayLike<number> = [];

  /** chosen[at..] = the experts of a token id. */
  const takeExperts = (table: Int32Array, id: number, at: number) => {
    for (let i = 0; i < numExpertsPerToken; i++) chosen[at + i] = table[id * numExpertsPerToken + i];
  };

  return {
    name: 'router',
    exact: true,
    residentProducts: null,
    get weights() {
      return isDense ? null : weights;
    },
    begin(of) {
      ids = of;
    },
    select(layer, x, tokens, units) {
      const router = layers[layer];
      isDense = 'units' in router;
      if ('units' in router) {
        for (let unit = 0; unit < router.units; unit++) units[unit] = unit;
        return router.units;
      }
      router.matrix.matmul(x, tokens, logits);
      asked.fill(0);
      for (let token = 0; token < tokens; token++) {
        const at = token * numExpertsPerToken;
        if (router.table) takeExperts(router.table, ids[token], at);
        route(logits, token * numExperts, router, chosen, shares, at, Boolean(router.table));
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
          // A table may have an expert twice.
          weights[token * count + places[chosen[i]]] += shares[i];
        }
      }
      return count;
    },
    dispose() {
      for (const layer of layers) if ('matrix' in layer) layer.matrix.dispose();
    },
  };
}
