import type { ModelSpec, NgramsSpec } from './spec.js';
import { HEAD_STREAMS, type ResidentLayerTensor } from './tensor-names.js';

type Shapes = [ResidentLayerTensor, number[]][];
type StreamsSpec = Pick<ModelSpec, 'residualStreams' | 'hiddenSize'>;

/** Values of all residual streams of a token. */
export const streamsWidth = ({ residualStreams, hiddenSize }: StreamsSpec): number =>
  (residualStreams?.count ?? 1) * hiddenSize;

/** The tensors that mix several residual streams before a layer's mixer and network; none for one stream. */
export function streamTensors(spec: StreamsSpec): Shapes {
  const { residualStreams: streams } = spec;
  if (!streams) return [];
  const width = streamsWidth(spec);
  return (['mix', 'ffn'] as const).flatMap(
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
