import { headsOf } from './layer-heads.js';
import type { DeltaNetSpec, LatentAttentionSpec, Mamba2Spec, ModelSpec, NgramsSpec, RecurrentSpec } from './spec.js';
import { HEAD_STREAMS, type ResidentLayerTensor } from './tensor-names.js';

type Shapes = [ResidentLayerTensor, number[]][];

type Mixers = Pick<ModelSpec, 'recurrent'>;

/**
 * The mixer that a layer has in place of attention; null for attention, and for none. Numbers after the last layer are
 * those of mixers that come before a layer's own.
 */
export const recurrentOf = ({ recurrent }: Mixers, layer: number): RecurrentSpec | null =>
  recurrent && (recurrent.layers[layer] ?? layer >= recurrent.layers.length) ? recurrent.mixer : null;

/** False for a layer that is a feed-forward network alone. */
export const hasMixer = ({ recurrent }: Mixers, layer: number): boolean => !recurrent?.without?.[layer];

export const hasAttention = (spec: Mixers, layer: number): boolean =>
  hasMixer(spec, layer) && recurrentOf(spec, layer) === null;

/** Layers, and mixers that come before those of their layers. Tensors of both are numbered alike. */
export const numberedParts = ({ numLayers, recurrent }: Pick<ModelSpec, 'numLayers' | 'recurrent'>): number =>
  (recurrent?.before ?? []).reduce((sum, count) => sum + count, numLayers);

/** The numbers of the mixers that come before a layer's own, in the order in which they run. */
export function mixersBefore({ numLayers, recurrent }: Pick<ModelSpec, 'numLayers' | 'recurrent'>, layer: number) {
  const before = recurrent?.before ?? [];
  const first = before.slice(0, layer).reduce((sum, count) => sum + count, numLayers);
  return Array.from({ length: before[layer] ?? 0 }, (_, i) => first + i);
}

/** The number of layers with attention. */
export const attentionLayers = (spec: Pick<ModelSpec, 'numLayers' | 'recurrent'>): number =>
  Array.from({ length: spec.numLayers }, (_, layer) => hasAttention(spec, layer)).filter((is) => is).length;

/** The number of mixers with a state of fixed size. */
export const recurrentMixers = (spec: Pick<ModelSpec, 'numLayers' | 'recurrent'>): number =>
  (spec.recurrent?.layers.filter((is) => is).length ?? 0) + numberedParts(spec) - spec.numLayers;

/** Floats per token of a mixer's output, before the projection. */
export function mixedWidth(spec: ModelSpec, layer: number): number {
  const recurrent = recurrentOf(spec, layer);
  if (recurrent) return recurrentWidth(recurrent, spec.hiddenSize);
  const { compressedAttention: compressed } = spec;
  if (compressed) return compressed.outputGroups * compressed.outputRank;
  return spec.numAttentionHeads * (spec.latentAttention?.valueDim ?? headsOf(spec, layer).headDim);
}

export function recurrentWidth(mixer: RecurrentSpec, hiddenSize: number): number {
  switch (mixer.kind) {
    case 'short-convolution':
      return hiddenSize;
    case 'delta-net':
      return mixer.valueHeads * mixer.headDim;
    case 'mamba-2':
      return mixer.heads * mixer.headDim;
  }
}

/** True for a layer with ordinary attention, whose projections the dense half has. */
export const hasPlainAttention = (
  spec: Pick<ModelSpec, 'recurrent' | 'latentAttention' | 'compressedAttention'>,
  layer: number,
): boolean => !spec.latentAttention && !spec.compressedAttention && hasAttention(spec, layer);

/** Shapes of the tensors of latent attention, the output projection left out. */
export function latentTensors(
  { latentDim, keyDim, rotaryDim, valueDim, queryRank, keyLayout }: LatentAttentionSpec,
  heads: number,
  hiddenSize: number,
): Shapes {
  const bottleneck: Shapes = [
    ['latentQueryInput', [queryRank ?? 0, hiddenSize]],
    ['latentQueryNorm', [queryRank ?? 0]],
  ];
  return [
    ...(queryRank === null ? [] : bottleneck),
    ['q', [heads * (keyDim + rotaryDim), queryRank ?? hiddenSize]],
    ['latentInput', [latentDim + rotaryDim, hiddenSize]],
    ['latentNorm', [latentDim]],
    ['latentKeys', keyLayout === 'by-latent' ? [heads * latentDim, keyDim] : [heads * keyDim, latentDim]],
    ['latentValues', [heads * valueDim, latentDim]],
  ];
}

/** Channels of a mixer's convolution. */
export function mixerChannels(mixer: RecurrentSpec, hiddenSize: number): number {
  switch (mixer.kind) {
    case 'short-convolution':
      return hiddenSize;
    case 'delta-net':
      return (2 * mixer.keyHeads + mixer.valueHeads) * mixer.headDim;
    case 'mamba-2':
      return mixer.heads * mixer.headDim + 2 * mixer.groups * mixer.stateSize;
  }
}

/** Shapes of a mixer's tensors, its output projection left out. Convolutions are [channels, kernel] as one vector. */
export function recurrentTensors(mixer: RecurrentSpec, hiddenSize: number): Shapes {
  const channels = mixerChannels(mixer, hiddenSize);
  const kernel: Shapes[number] = ['mixerKernel', [channels * mixer.kernel]];
  switch (mixer.kind) {
    case 'short-convolution':
      return [['mixerInput', [3 * hiddenSize, hiddenSize]], kernel];
    case 'delta-net':
      return deltaNetTensors(mixer, channels, hiddenSize, kernel);
    case 'mamba-2':
      return mamba2Tensors(mixer, channels, hiddenSize, kernel);
  }
}

const deltaNetTensors = (
  { valueHeads, headDim }: DeltaNetSpec,
  channels: number,
  hiddenSize: number,
  kernel: Shapes[number],
): Shapes => [
  ['mixerInput', [channels, hiddenSize]],
  ['mixerGate', [valueHeads * headDim, hiddenSize]],
  ['mixerStep', [valueHeads, hiddenSize]],
  ['mixerShare', [valueHeads, hiddenSize]],
  kernel,
  ['mixerStepBias', [valueHeads]],
  ['mixerDecay', [valueHeads]],
  ['mixerNorm', [headDim]],
];

const mamba2Tensors = (
  { heads, headDim }: Mamba2Spec,
  channels: number,
  hiddenSize: number,
  kernel: Shapes[number],
): Shapes => [
  ['mixerInput', [heads * headDim + channels + heads, hiddenSize]],
  kernel,
  ['mixerKernelBias', [channels]],
  ['mixerStepBias', [heads]],
  ['mixerDecay', [heads]],
  ['mixerSkip', [heads]],
  ['mixerNorm', [heads * headDim]],
];

type StreamsSpec = Pick<ModelSpec, 'residualStreams' | 'hiddenSize'>;

/** False where a mix of several residual streams stands in place of each norm of the residual stream. */
export const hasNorms = ({ residualStreams }: Pick<ModelSpec, 'residualStreams'>): boolean =>
  !residualStreams || !('rank' in residualStreams);

/** Weights that a half of a layer makes of balanced streams: of what it reads, of what it adds, and their mix. */
export const streamWeights = (count: number): number => (2 + count) * count;

/** Values of all residual streams of a token. */
export const streamsWidth = ({ residualStreams, hiddenSize }: StreamsSpec): number =>
  (residualStreams?.count ?? 1) * hiddenSize;

/** The tensors that mix several residual streams before a layer's mixer and network; none for one stream. */
export function streamTensors(spec: StreamsSpec): Shapes {
  const { residualStreams: streams } = spec;
  if (!streams) return [];
  const width = streamsWidth(spec);
  const halves = ['mix', 'ffn'] as const;
  if (!('rank' in streams))
    return halves.flatMap(
      (half): Shapes => [
        [`${half}StreamsMix`, [streamWeights(streams.count), width]],
        [`${half}StreamsBase`, [streamWeights(streams.count)]],
        [`${half}StreamsScale`, [3]],
      ],
    );
  return halves.flatMap(
    (half): Shapes => [
      [`${half}StreamsNorm`, [width]],
      [`${half}StreamsDown`, [streams.rank, width]],
      [`${half}StreamsUp`, [width, streams.rank]],
      [`${half}StreamsShares`, [streams.count, width]],
    ],
  );
}

/** The same for the head, which adds nothing to the streams. */
export function headStreamTensors(spec: StreamsSpec): [string, number[]][] {
  const { residualStreams: streams } = spec;
  if (!streams) return [];
  const width = streamsWidth(spec);
  if (!('rank' in streams))
    return [
      [HEAD_STREAMS.mix, [streams.count, width]],
      [HEAD_STREAMS.base, [streams.count]],
      [HEAD_STREAMS.scale, [1]],
    ];
  return [
    [HEAD_STREAMS.norm, [width]],
    [HEAD_STREAMS.down, [streams.rank, width]],
    [HEAD_STREAMS.up, [width, streams.rank]],
  ];
}

/** The n-grams that come before a layer; null for none. */
export const ngramsBefore = ({ ngrams }: Pick<ModelSpec, 'ngrams'>, layer: number): NgramsSpec | null =>
  ngrams?.layer === layer ? ngrams : null;

/** What the rows of n-grams pass before a layer. The convolution is [streamsWidth, kernel] as one vector. */
export function ngramTensors(spec: Pick<ModelSpec, 'ngrams'> & StreamsSpec, layer: number): Shapes {
  const ngrams = ngramsBefore(spec, layer);
  if (!ngrams) return [];
  const width = streamsWidth(spec);
  return [
    ['ngramKeys', [width, spec.hiddenSize]],
    ['ngramValues', [spec.hiddenSize, spec.hiddenSize]],
    ['ngramKeyNorm', [width]],
    ['ngramQueryNorm', [width]],
    ['ngramNorm', [width]],
    ['ngramKernel', [width * ngrams.kernel]],
  ];
}

/** The index of blocks that attention sees, in a layer with attention; none without it. */
export function indexTensors(
  { blockIndex, hiddenSize, recurrent }: Pick<ModelSpec, 'blockIndex' | 'hiddenSize' | 'recurrent'>,
  layer: number,
): Shapes {
  if (!blockIndex || !hasAttention({ recurrent }, layer)) return [];
  const { heads, headDim } = blockIndex;
  return [
    ['indexQueries', [heads * headDim, hiddenSize]],
    ['indexKeys', [headDim, hiddenSize]],
    ['indexQueryNorm', [headDim]],
    ['indexKeyNorm', [headDim]],
  ];
}
