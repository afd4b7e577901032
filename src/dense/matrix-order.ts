import { hasKeys, hasValues } from '../model/attention-layers.js';
import { compressedTensors } from '../model/compressed-tensors.js';
import { expertsOf } from '../model/feed-forward.js';
import { hasMixer, latentTensors, mixersBefore, recurrentOf, recurrentTensors } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';
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

/** The large matrices of other mixers, which are multiplied by in the order of their tensors. */
export const MIXER_MATRICES: readonly ResidentLayerTensor[] = [
  'mixerInput',
  'mixerGate',
  'latentQueryInput',
  'q',
  'latentInput',
];
const SHARED_EXPERT: readonly ResidentLayerTensor[] = ['sharedUp', 'sharedGate', 'sharedDown'];

/**
 * The matrices that may stream, in the order in which a pass multiplies by them: `create-dense-half.ts` and the engine
 * hold this order. Routers are small, and stay in memory.
 */
export function matricesInOrder(spec: ModelSpec): MatrixInOrder[] {
  const matrices: MatrixInOrder[] = [];
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const add = (tensor: ResidentLayerTensor, afterFeedForward: boolean, part = layer) =>
      matrices.push({ name: layerTensor(part, tensor), layer, afterFeedForward });
    for (const part of [...mixersBefore(spec, layer), ...(hasMixer(spec, layer) ? [layer] : [])])
      for (const tensor of [...mixerMatrices(spec, part), 'o' as const]) add(tensor, false, part);
    const latent = expertsOf(spec, layer)?.latentSize !== undefined;
    if (latent) add('expertsInput', false);
    if (latent) add('expertsOutput', true);
    if (expertsOf(spec, layer)?.sharedIntermediateSize)
      for (const tensor of SHARED_EXPERT) if (spec.gated || tensor !== 'sharedGate') add(tensor, true);
  }
  matrices.push({ name: headName(spec), layer: spec.numLayers, afterFeedForward: false });
  return matrices;
}

function mixerMatrices(spec: ModelSpec, layer: number): readonly ResidentLayerTensor[] {
  const { hiddenSize, latentAttention, numAttentionHeads } = spec;
  const recurrent = recurrentOf(spec, layer);
  if (spec.compressedAttention)
    return compressedTensors(spec, spec.compressedAttention, layer)
      .map(([name]) => name)
      .filter((name) => MIXER_MATRICES.includes(name));
  if (!recurrent && !latentAttention) {
    const keysAndValues: ResidentLayerTensor[] = hasValues(spec, layer) ? ['k', 'v'] : ['k'];
    return hasKeys(spec, layer) ? ['q', ...keysAndValues] : ['q'];
  }
  const tensors = recurrent
    ? recurrentTensors(recurrent, hiddenSize)
    : latentTensors(latentAttention!, numAttentionHeads, hiddenSize);
  return tensors.map(([name]) => name).filter((name) => MIXER_MATRICES.includes(name));
}
