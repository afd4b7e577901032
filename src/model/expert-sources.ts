import type { TensorSource } from './architecture.js';
import type { ExpertsSpec } from './spec.js';

/** Tensors of a layer that hold a part of every expert. */
export type ExpertTensor = 'gate' | 'up' | 'down' | 'gateBias' | 'upBias' | 'downBias';

/** Sizes of a layer's experts, and the usual name of the tensor that is looked for. */
export interface ExpertTensorContext extends Pick<ExpertsSpec, 'numExperts' | 'intermediateSize'> {
  hiddenSize: number;
  sourceName: string;
}

/** Gives the place of a tensor of all experts of a layer in one kind of checkpoint. */
export type ExpertSource = (layer: number, tensor: ExpertTensor, context: ExpertTensorContext) => TensorSource;

/** One stack for each tensor; biases as a row for each expert. GGUF files have them so. */
export const stackedExperts: ExpertSource = (
  _layer,
  tensor,
  { numExperts, intermediateSize, hiddenSize, sourceName },
) => {
  if (tensor === 'downBias') return { sourceName, sourceShape: [numExperts, hiddenSize] };
  const isBias = tensor === 'gateBias' || tensor === 'upBias';
  return isBias ? { sourceName, sourceShape: [numExperts, intermediateSize] } : { sourceName };
};

/** A matrix of its own for each expert, under `name`. */
export const expertsApart =
  (name: (layer: number, tensor: 'gate' | 'up' | 'down', expert: number) => string): ExpertSource =>
  (layer, tensor, { numExperts, sourceName }) => ({
    sourceName,
    parts: Array.from({ length: numExperts }, (_, expert) => name(layer, tensor as 'gate' | 'up' | 'down', expert)),
  });
