import { checkOnDisk } from '../dense/checksum.js';
import { readVector } from '../dense/tensor-on-disk.js';
import { layerTensor } from '../model/tensor-names.js';
import type { Store } from '../store/reader.js';

/** What a layer's neurons, of all its experts where it has some, add to their products, [numNeurons], by the matrix that it belongs to; null where the model has none. Throws CORRUPT. */
export interface NeuronBiases {
  gate: Float32Array | null;
  up: Float32Array | null;
}

/** Those of the products that the activation is taken of. */
export function activationBias(
  store: Store,
  layer: number,
  bridge: Parameters<typeof checkOnDisk>[1],
): Float32Array | null {
  const { gate, up } = readNeuronBiases(store, layer, bridge);
  return store.spec.gated ? gate : up;
}

export function readNeuronBiases(
  { spec, tensors }: Store,
  layer: number,
  bridge: Parameters<typeof checkOnDisk>[1],
): NeuronBiases {
  const read = (name: 'gateBias' | 'upBias') => {
    const tensor = tensors.get(layerTensor(layer, name));
    if (!tensor) return null;
    checkOnDisk(tensor, bridge);
    return readVector(tensor);
  };
  return spec.feedForwardBiases ? { gate: read('gateBias'), up: read('upBias') } : { gate: null, up: null };
}
