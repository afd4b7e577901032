import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { loadMatrix, loadVector } from '../dense/load-tensor.js';
import { FlashrowError } from '../errors.js';
import { expertsOf } from '../model/feed-forward.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';
import type { Allocation } from '../plan/allocation.js';
import { selectAll } from '../select/all.js';
import { selectByGate } from '../select/gate.js';
import { type LowRankLayer, selectByLowRank } from '../select/low-rank.js';
import { type DenseRouterLayer, type RouterLayer, selectByRouter } from '../select/router.js';
import type { Selector } from '../select/selector.js';
import { type SignLayer, selectBySign } from '../select/sign.js';
import { SignBits } from '../select/sign-bits.js';
import { readPredictors } from '../store/predictors.js';
import type { Store } from '../store/reader.js';
import { readTrace } from '../trace/trace-reader.js';
import { selectByTrace } from '../trace/trace-selector.js';
import { readActivationBias } from './biases.js';
import { loadPredictor } from './load-predictors.js';
import { loadResidentGate } from './resident-gate.js';

/**
 * Makes the selector that the plan names, with its resident parts loaded and checked; or, if `trace` names a file, a
 * selector that repeats that trace. `maxTokens`: the most tokens of one call. Throws CORRUPT, UNSUPPORTED or
 * BridgeError.
 */
export function createSelector(
  store: Store,
  bridge: Bridge,
  { selector, layers }: Allocation,
  maxTokens: number,
  trace: string | null,
): Selector {
  if (trace !== null) {
    const unitsPerLayer = layers.map(({ unit }) => unit.units);
    return selectByTrace({ trace: readTrace(trace), unitsPerLayer, experts: store.spec.experts !== null, maxTokens });
  }
  if (selector === 'all') return selectAll(layers.map(({ unit }) => unit.units));
  if (selector === 'router') return createRouter(store, bridge, layers, maxTokens);
  if (selector === 'low-rank') return createLowRank(store, bridge, maxTokens);
  if (selector === 'sign') return createSign(store, bridge, maxTokens);
  return createGate(store, bridge, maxTokens);
}

/** The exact products of the gate matrix tell which neurons are active. */
function createGate(store: Store, bridge: Bridge, maxTokens: number): Selector {
  const matrices: ResidentMatrix[] = [];
  try {
    for (let layer = 0; layer < store.layers.length; layer++) matrices.push(loadResidentGate(store, bridge, layer));
    return selectByGate({
      matrices,
      biases: store.layers.map((_, layer) => readActivationBias(store, layer, bridge)),
      neuronsPerUnit: store.layers.map((layer) => layer.neuronsPerBundle),
      maxTokens,
    });
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
}

/** A trained predictor of low rank for each layer. */
function createLowRank(store: Store, bridge: Bridge, maxTokens: number): Selector {
  // The plan refuses this selector for a store without predictors.
  const predictors = readPredictors(store)!;
  const layers: LowRankLayer[] = [];
  try {
    for (const layer of predictors.layers) layers.push(loadPredictor(bridge, predictors, layer, store.spec.hiddenSize));
    return selectByLowRank({ layers, maxTokens });
  } catch (error) {
    for (const { inner, outer } of layers) {
      inner.dispose();
      outer.dispose();
    }
    throw error;
  }
}

/**
 * Signs of the gate's weights and of the input. Without calibration a neuron is chosen if more than half of its signs
 * agree.
 */
function createSign(store: Store, bridge: Bridge, maxTokens: number): Selector {
  const predictors = readPredictors(store);
  const layers = store.layers.map((_, layer): SignLayer => {
    const gate = loadResidentGate(store, bridge, layer);
    try {
      const threshold = predictors?.layers[layer].sign.threshold ?? gate.columns / 2;
      return { signs: new SignBits(bridge, gate, maxTokens), threshold, neuronsPerUnit: 1 };
    } finally {
      gate.dispose();
    }
  });
  return selectBySign({ layers, maxTokens });
}

/** The routers of a mixture of experts: exact. Layers before the first with experts have none. */
function createRouter(store: Store, bridge: Bridge, layers: Allocation['layers'], maxTokens: number): Selector {
  const { spec, tensors } = store;
  const routers: (RouterLayer | DenseRouterLayer)[] = [];
  const vectorOf = (layer: number, name: ResidentLayerTensor) => {
    const tensor = tensors.get(layerTensor(layer, name));
    return tensor ? loadVector(bridge, tensor) : null;
  };
  try {
    for (let layer = 0; layer < spec.numLayers; layer++) {
      if (expertsOf(spec, layer) === null) {
        routers.push({ units: layers[layer].unit.units });
        continue;
      }
      const [logitBias, selectionBias, outputScales] = (['routerBias', 'selectionBias', 'expertScales'] as const).map(
        (name) => vectorOf(layer, name),
      );
      const matrix = loadMatrix(bridge, tensors.get(layerTensor(layer, 'router'))!);
      routers.push({ matrix, logitBias, selectionBias, outputScales, table: tableOf(store, layer, bridge) });
    }
    return selectByRouter({ layers: routers, experts: spec.experts!, maxTokens });
  } catch (error) {
    for (const router of routers) if ('matrix' in router) router.matrix.dispose();
    throw error;
  }
}

/**
 * The experts of each token in a layer that has a table of them, [vocabSize, numExpertsPerToken]; else null. Throws
 * CORRUPT where they are no experts.
 */
function tableOf({ spec, tensors }: Store, layer: number, bridge: Bridge): Int32Array | null {
  const name = layerTensor(layer, 'expertTable');
  const tensor = tensors.get(name);
  if (!tensor) return null;
  const table = new Int32Array(loadVector(bridge, tensor).buffer);
  const { numExperts } = spec.experts!;
  const wrong = table.find((expert) => !(expert >= 0 && expert < numExperts));
  if (wrong === undefined) return table;
  throw new FlashrowError(
    'CORRUPT',
    `the table of experts of layer ${layer} has ${wrong}, and there are ${numExperts} experts; fetch or convert the model again`,
    { tensor: name },
  );
}
