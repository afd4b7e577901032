import type { DeltaNetSpec, ModelSpec, RecurrentSpec } from './spec.js';
import type { ResidentLayerTensor } from './tensor-names.js';

/** The mixer that a layer has in place of attention; null for attention. */
export const recurrentOf = ({ recurrent }: Pick<ModelSpec, 'recurrent'>, layer: number): RecurrentSpec | null =>
  recurrent?.layers[layer] ? recurrent.mixer : null;

/** The number of layers with attention. */
export const attentionLayers = ({ numLayers, recurrent }: Pick<ModelSpec, 'numLayers' | 'recurrent'>): number =>
  numLayers - (recurrent?.layers.filter((is) => is).length ?? 0);

/** Floats per token of a mixer's output, before the projection. */
export function mixedWidth(spec: ModelSpec, layer: number): number {
  const recurrent = recurrentOf(spec, layer);
  return recurrent ? recurrentWidth(recurrent, spec.hiddenSize) : spec.numAttentionHeads * spec.headDim;
}

export function recurrentWidth(mixer: RecurrentSpec, hiddenSize: number): number {
  return mixer.kind === 'short-convolution' ? hiddenSize : mixer.valueHeads * mixer.headDim;
}

/** Channels of a mixer's convolution. */
export function mixerChannels(mixer: RecurrentSpec, hiddenSize: number): number {
  return mixer.kind === 'short-convolution' ? hiddenSize : (2 * mixer.keyHeads + mixer.valueHeads) * mixer.headDim;
}

/** Shapes of a mixer's tensors, its output projection left out. Convolutions are [channels, kernel] as one vector. */
export function recurrentTensors(mixer: RecurrentSpec, hiddenSize: number): [ResidentLayerTensor, number[]][] {
  const channels = mixerChannels(mixer, hiddenSize);
  const kernel: [ResidentLayerTensor, number[]] = ['mixerKernel', [channels * mixer.kernel]];
  if (mixer.kind === 'short-convolution') return [['mixerInput', [3 * hiddenSize, hiddenSize]], kernel];
  return deltaNetTensors(mixer, channels, hiddenSize, kernel);
}

function deltaNetTensors(
  { valueHeads, headDim }: DeltaNetSpec,
  channels: number,
  hiddenSize: number,
  kernel: [ResidentLayerTensor, number[]],
): [ResidentLayerTensor, number[]][] {
  return [
    ['mixerInput', [channels, hiddenSize]],
    ['mixerGate', [valueHeads * headDim, hiddenSize]],
    ['mixerStep', [valueHeads, hiddenSize]],
    ['mixerShare', [valueHeads, hiddenSize]],
    kernel,
    ['mixerStepBias', [valueHeads]],
    ['mixerDecay', [valueHeads]],
    ['mixerNorm', [headDim]],
  ];
}
