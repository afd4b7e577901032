import { isOfAttention, type LayerNames, QUERIES_KEYS_VALUES, type TowerLayerTensor } from './tower-names.js';
import type { TowerSpec } from './tower-spec.js';
import type { TowerTensors } from './tower-tensors.js';

const LAYER_TENSORS: readonly TowerLayerTensor[] = ['norm1', 'q', 'k', 'v', 'o', 'norm2', 'fc1', 'fc2'];

/** The tensors of all layers, and their shapes. One that holds several is named several times. */
export function* layerShapes(
  { hiddenSize, intermediateSize, numLayers }: Pick<TowerSpec, 'hiddenSize' | 'intermediateSize' | 'numLayers'>,
  { layer, fused = false }: LayerNames,
): Generator<[name: string, shape: number[]]> {
  for (let index = 0; index < numLayers; index++)
    for (const name of LAYER_TENSORS) {
      const parts = fused && isOfAttention(name) ? QUERIES_KEYS_VALUES.length : 1;
      const outputs = parts * (name === 'fc1' ? intermediateSize : hiddenSize);
      const inputs = name === 'fc2' ? intermediateSize : hiddenSize;
      yield [layer(index, name, 'weight'), name.startsWith('norm') ? [hiddenSize] : [outputs, inputs]];
      yield [layer(index, name, 'bias'), [outputs]];
    }
}

/** Bytes of the matrices and norms of one layer, as they are in the file. */
export function layerBytes({ layer }: LayerNames, tensors: TowerTensors): number {
  const names = new Set(LAYER_TENSORS.map((name) => layer(0, name, 'weight')));
  return [...names].reduce((sum, name) => sum + tensors.bytes(name), 0);
}
