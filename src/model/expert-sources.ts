import type { ExpectedTensor } from './architecture.js';
import type { ExpertsSpec } from './spec.js';

/** Tensors of a layer that hold a part of every expert. */
export type ExpertTensor = 'gate' | 'up' | 'down' | 'gateBias' | 'upBias' | 'downBias';

/** How a kind of checkpoint holds a tensor of all of a layer's experts, where that is not one stack under the layer's usual name. */
export type ExpertSource = (
  layer: number,
  tensor: ExpertTensor,
  sizes: Pick<ExpertsSpec, 'numExperts' | 'intermediateSize'> & { hiddenSize: number },
) => Partial<ExpectedTensor>;

/** One stack each, biases as a row for each expert, as GGUF files have them. */
export const stackedExperts: ExpertSource = (_layer, tensor, { numExperts, intermediateSize, hiddenSize }) => {
  if (tensor === 'downBias') return { sourceShape: [numExperts, hiddenSize] };
  return tensor === 'gateBias' || tensor === 'upBias' ? { sourceShape: [numExperts, intermediateSize] } : {};
};

/** A matrix of its own for each expert, under `name`. */
export const expertsApart =
  (name: (layer: number, tensor: 'gate' | 'up' | 'down', expert: number) => string): ExpertSource =>
  (layer, tensor, { numExperts }) => ({
    expertSourceNames: Array.from({ length: numExperts }, (_, expert) =>
      name(layer, tensor as 'gate' | 'up' | 'down', expert),
    ),
  });
