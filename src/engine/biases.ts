import type { Bridge } from '../../native-bridge/bridge.js';
import { loadVector } from '../dense/load-tensor.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';
import type { Store } from '../store/reader.js';

/*
 * The biases of the streamed half: small vectors that stay in memory while their rows are on disk.
 * Every function here throws CORRUPT if a tensor does not match its checksum, NOT_FOUND or IO.
 */

/**
 * A layer's biases of gate and up, [numNeurons] each; with experts, the neurons of one expert come after those of
 * another.
 */
export interface NeuronBiases {
  gate: Float32Array | null;
  up: Float32Array | null;
}

/**
 * Reads the biases that are added to a layer's products with gate and up. A field is null if the model has no such
 * bias.
 */
export function readNeuronBiases({ spec, tensors }: Store, layer: number, bridge: Bridge): NeuronBiases {
  const read = (name: 'gateBias' | 'upBias') => {
    const tensor = tensors.get(layerTensor(layer, name));
    return tensor ? loadVector(bridge, tensor) : null;
  };
  return spec.feedForwardBiases ? { gate: read('gateBias'), up: read('upBias') } : { gate: null, up: null };
}

/** The bias [numNeurons] that stands inside a layer's activation: the gate's, or up's if the model has no gate. */
export function readActivationBias(store: Store, layer: number, bridge: Bridge): Float32Array | null {
  const { gate, up } = readNeuronBiases(store, layer, bridge);
  return store.spec.gated ? gate : up;
}

/** Per layer the bias of each expert's output, [numExperts, hiddenSize] as one vector; null if experts have none. */
export function readExpertBiases(store: Store, bridge: Bridge): Float32Array[] | null {
  return store.spec.experts && store.spec.feedForwardBiases ? readEachLayer(store, bridge, 'downBias') : null;
}

function readEachLayer({ spec, tensors }: Store, bridge: Bridge, name: ResidentLayerTensor): Float32Array[] {
  return Array.from({ length: spec.numLayers }, (_, layer) =>
    loadVector(bridge, tensors.get(layerTensor(layer, name))!),
  );
}
