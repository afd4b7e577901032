import { checkOnDisk } from '../dense/checksum.js';
import { readVector } from '../dense/tensor-on-disk.js';
import { layerTensor } from '../model/tensor-names.js';
import type { Store } from '../store/reader.js';

/** Per layer what each expert adds to its output, [numExperts, hiddenSize]; null where experts add nothing. Throws CORRUPT or IO. */
export function readExpertBiases(
  { spec, tensors }: Store,
  bridge: Parameters<typeof checkOnDisk>[1],
): Float32Array[] | null {
  if (!spec.experts || !spec.feedForwardBiases) return null;
  return Array.from({ length: spec.numLayers }, (_, layer) => {
    const tensor = tensors.get(layerTensor(layer, 'downBias'))!;
    checkOnDisk(tensor, bridge);
    return readVector(tensor);
  });
}
