import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { headName } from './check-tensors.js';

/** A matrix of the resident half, and its place in a pass. */
export interface MatrixInOrder {
  /** The name of its tensor. */
  name: string;
  /** Its layer; `numLayers` for the head. */
  layer: number;
  /** Whether it comes after the feed-forward network of its layer. */
  afterFeedForward: boolean;
}

const ATTENTION: readonly LayerTensor[] = ['q', 'k', 'v', 'o'];
const SHARED_EXPERT: readonly LayerTensor[] = ['sharedGate', 'sharedUp', 'sharedDown'];

/**
 * The matrices that may stream, in the order in which a pass multiplies by them: `create-dense-half.ts` and the engine
 * hold this order. Routers are small, and stay in memory.
 */
export function matricesInOrder(spec: ModelSpec): MatrixInOrder[] {
  const matrices: MatrixInOrder[] = [];
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const add = (tensor: LayerTensor, afterFeedForward: boolean) =>
      matrices.push({ name: layerTensor(layer, tensor), layer, afterFeedForward });
    for (const tensor of ATTENTION) add(tensor, false);
    if (spec.experts?.sharedIntermediateSize) for (const tensor of SHARED_EXPERT) add(tensor, true);
  }
  matrices.push({ name: headName(spec), layer: spec.numLayers, afterFeedForward: false });
  return matrices;
}
