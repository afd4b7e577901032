/**
 * The names tensors go by inside flashrow, whatever their checkpoint calls them. Matrices are [rows, columns] with the
 * input along a row (`y = W x`); norms are [hiddenSize].
 */
export const EMBEDDING = 'embedding';
/** Learned positions, [positionOffset + contextLength, hiddenSize]. */
export const POSITIONS = 'positions';
export const FINAL_NORM = 'finalNorm';
export const FINAL_NORM_BIAS = 'finalNormBias';
export const HEAD = 'head';

/** Resident tensors of a layer. With experts, biases are those of all of them, one after another, `router` is [numExperts, hiddenSize], and the shared expert is resident like the router. */
export type ResidentLayerTensor =
  | 'attentionNorm'
  | 'attentionNormBias'
  | 'q'
  | 'k'
  | 'v'
  | 'qBias'
  | 'kBias'
  | 'vBias'
  | 'qNorm'
  | 'kNorm'
  | 'sinks'
  | 'o'
  | 'oBias'
  | 'postAttentionNorm'
  | 'ffnNorm'
  | 'ffnNormBias'
  | 'postFfnNorm'
  | 'gateBias'
  | 'upBias'
  | 'downBias'
  | 'router'
  | 'routerBias'
  | 'sharedRouter'
  | 'sharedGate'
  | 'sharedUp'
  | 'sharedDown';

/** Streamed tensors of a layer: matrices, or with experts stacks of them, [numExperts, rows, columns]. */
export type StreamedLayerTensor = 'gate' | 'up' | 'down';

export type LayerTensor = ResidentLayerTensor | StreamedLayerTensor;

export const layerTensor = (layer: number, tensor: LayerTensor): string => `layers.${layer}.${tensor}`;
