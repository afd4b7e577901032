import type { Bridge } from '../../native-bridge/bridge.js';
import type { SelectorJudgement } from '../contract/protocol.js';
import { readActivationBias } from '../engine/biases.js';
import { loadResidentGate } from '../engine/resident-gate.js';
import type { Selector } from '../select/selector.js';
import type { Store } from '../store/reader.js';
import { activeSetOf } from './active-set.js';
import type { LayerInputs } from './layer-inputs.js';

/** Compares what a selector chooses for each token of `inputs`, run in chunks of `maxTokens`, with what its gate says is active. */
export function judgeSelector(
  store: Store,
  bridge: Bridge,
  selector: Selector,
  layer: number,
  inputs: LayerInputs,
  maxTokens: number,
): SelectorJudgement {
  const gate = loadResidentGate(store, bridge, layer);
  const active = (() => {
    try {
      return activeSetOf(gate, readActivationBias(store, layer, bridge), inputs);
    } finally {
      gate.dispose();
    }
  })();
  const { numNeurons } = active;
  const x = new Float32Array(maxTokens * inputs.hiddenSize);
  const units = new Uint32Array(numNeurons);
  let awake = 0;
  let chosen = 0;
  let found = 0;
  for (let first = 0; first < inputs.tokens; first += maxTokens) {
    const tokens = Math.min(maxTokens, inputs.tokens - first);
    inputs.read(first, tokens, x, 0);
    const count = selector.select(layer, x, tokens, units);
    for (let token = 0; token < tokens; token++) {
      for (let n = 0; n < numNeurons; n++) if (active.has(first + token, n)) awake += 1;
      for (let i = 0; i < count; i++) {
        // Without masks a selector chooses for each token what the chunk needs: the rows it does not wake add nothing.
        if (selector.weights !== null && selector.weights[token * count + i] === 0) continue;
        chosen += 1;
        if (active.has(first + token, units[i])) found += 1;
      }
    }
  }
  const all = inputs.tokens * numNeurons;
  return {
    activeShare: awake / all,
    chosenShare: chosen / all,
    falseNegativeRate: awake === 0 ? 0 : (awake - found) / awake,
    falsePositiveRate: all === awake ? 0 : (chosen - found) / (all - awake),
  };
}
