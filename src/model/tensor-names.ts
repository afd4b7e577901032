/**
 * The names of tensors inside flashrow. They are the same for every kind of checkpoint. Matrices are [rows, columns]
 * with the input along a row (`y = W x`). Norms are [hiddenSize].
 */
export const EMBEDDING = 'embedding';
/** Learned positions, [positionOffset + contextLength, hiddenSize]. */
export const POSITIONS = 'positions';
export const FINAL_NORM = 'finalNorm';
export const FINAL_NORM_BIAS = 'finalNormBias';
export const HEAD = 'head';

/**
 * Resident tensors of a layer. With experts, a bias holds those of all experts, one after another. `router` is
 * [numExperts, hiddenSize]. The shared expert is resident too.
 * `mixer...` belong to a mixer other than attention (mixer-tensors.ts). `o` is the output projection of every mixer.
 */
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
  | 'mixerInput'
  | 'mixerGate'
  | 'mixerStep'
  | 'mixerShare'
  | 'mixerKernel'
  | 'mixerKernelBias'
  | 'mixerStepBias'
  | 'mixerDecay'
  | 'mixerSkip'
  | 'mixerNorm'
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

/** Streamed tensors of a layer: matrices; with experts, stacks of matrices [numExperts, rows, columns]. */
export type StreamedLayerTensor = 'gate' | 'up' | 'down';

export type LayerTensor = ResidentLayerTensor | StreamedLayerTensor;

export const layerTensor = (layer: number, tensor: LayerTensor): string => `layers.${layer}.${tensor}`;
