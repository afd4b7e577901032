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

type StackName = (layer: number, stack: 'gateUp' | 'down') => string;
type ExpertName = (layer: number, tensor: 'gate' | 'up' | 'down', expert: number) => string;

/** A matrix of its own for each expert, under `name`. */
export const expertsApart =
  (name: ExpertName): ExpertSource =>
  (layer, tensor, { numExperts, sourceName }) => ({
    sourceName,
    parts: Array.from({ length: numExperts }, (_, expert) => name(layer, tensor as 'gate' | 'up' | 'down', expert)),
  });

/**
 * Gate and up of a layer's experts in one stack [numExperts, 2 * intermediateSize, hiddenSize], in each matrix first
 * the gate's rows and then up's; down in a stack of its own.
 */
export const fusedExperts =
  (name: StackName): ExpertSource =>
  (layer, tensor, { numExperts, intermediateSize: neurons, hiddenSize }) => {
    if (tensor === 'down') return { sourceName: name(layer, 'down') };
    const first = tensor === 'up' ? neurons : 0;
    return {
      sourceName: name(layer, 'gateUp'),
      sourceShape: [numExperts, 2 * neurons, hiddenSize],
      parts: {
        sourceRows: numExperts * 2 * neurons,
        rowsPerGroup: neurons,
        firstRows: Array.from({ length: numExperts }, (_, expert) => expert * 2 * neurons + first),
      },
    };
  };

/** The usual names of transformers: a matrix of its own for each expert. */
export const namedApart: ExpertSource = expertsApart(
  (layer, tensor, expert) => `model.layers.${layer}.mlp.experts.${expert}.${tensor}_proj.weight`,
);

const usualStack: StackName = (layer, stack) =>
  `model.layers.${layer}.mlp.experts.${stack === 'gateUp' ? 'gate_up' : stack}_proj`;

/** The usual stacks with gate and up in one, where the checkpoint has them; else a matrix for each expert. */
export const fusedOrApart =
  (holds: (sourceName: string) => boolean): ExpertSource =>
  (layer, tensor, context) =>
    (holds(usualStack(layer, 'down')) ? fusedExperts(usualStack) : namedApart)(layer, tensor, context);
