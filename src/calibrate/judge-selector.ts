import type { Bridge } from '../../native-bridge/bridge.js';
import type { SelectorJudgement } from '../contract/protocol.js';
import { readActivationBias } from '../engine/biases.js';
import { loadResidentGate } from '../engine/resident-gate.js';
import type { Selector } from '../select/selector.js';
import type { Store } from '../store/reader.js';
import { type ActiveSet, findActiveSet } from './active-set.js';
import type { LayerInputs } from './layer-inputs.js';

/**
 * Compares the neurons that a selector chooses for each token of a layer with those that are active. The tokens of
 * `inputs` run in chunks of `maxTokens`. Throws CORRUPT, UNSUPPORTED, IO or BridgeError.
 */
export function judgeSelector(
  store: Store,
  bridge: Bridge,
  selector: Selector,
  layer: number,
  inputs: LayerInputs,
  maxTokens: number,
): SelectorJudgement {
  const active = activeSetOfLayer(store, bridge, layer, inputs);
  const { numNeurons } = active;
  const x = new Float32Array(maxTokens * inputs.hiddenSize);
  const units = new Uint32Array(numNeurons);
  let activeCount = 0;
  let chosen = 0;
  let found = 0;
  for (let first = 0; first < inputs.tokens; first += maxTokens) {
    const tokens = Math.min(maxTokens, inputs.tokens - first);
    inputs.read(first, tokens, x, 0);
    const count = selector.select(layer, x, tokens, units);
    for (let token = 0; token < tokens; token++) {
      for (let n = 0; n < numNeurons; n++) if (active.has(first + token, n)) activeCount += 1;
      for (let i = 0; i < count; i++) {
        // A selector without masks gives each token all units of its chunk; those that are not active add nothing.
        if (selector.weights !== null && selector.weights[token * count + i] === 0) continue;
        chosen += 1;
        if (active.has(first + token, units[i])) found += 1;
      }
    }
  }
  const all = inputs.tokens * numNeurons;
  return {
    activeShare: activeCount / all,
    chosenShare: chosen / all,
    falseNegativeRate: activeCount === 0 ? 0 : (activeCount - found) / activeCount,
    falsePositiveRate: all === activeCount ? 0 : (chosen - found) / (all - activeCount),
  };
}

function activeSetOfLayer(store: Store, bridge: Bridge, layer: number, inputs: LayerInputs): ActiveSet {
  const gate = loadResidentGate(store, bridge, layer);
  try {
    return findActiveSet(gate, readActivationBias(store, layer, bridge), inputs);
  } finally {
    gate.dispose();
  }
}
