import type { ExpectedTensor, RowGroups } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import { type ExpertSource, type ExpertTensor, stackedExperts } from './expert-sources.js';
import { mixerChannels } from './mixer-tensors.js';
import { residentOfLayer } from './resident-tensors.js';
import type { ModelSpec } from './spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  HEAD,
  type LayerTensor,
  layerTensor,
  POSITIONS,
} from './tensor-names.js';

/** The rows of a larger matrix that are this tensor; null where the tensor has a matrix of its own. */
export type FusedRows = (tensor: LayerTensor) => RowGroups | null;

/** Departures from the usual: one stack for each tensor of the experts, a matrix of its own for each of the others. */
export interface TensorPlaces {
  expertSource?: ExpertSource;
  fusedRows?: FusedRows;
  /** The shape of a mixer's convolution in the checkpoint. Default: [channels * kernel]. */
  kernelShape?: (channels: number, kernel: number) => number[];
}

const EXPERT_BIASES: readonly LayerTensor[] = ['gateBias', 'upBias', 'downBias'];

/** Every tensor of a model, with its place in a checkpoint. */
export function* expectedTensors(
  spec: ModelSpec,
  names: CheckpointNames,
  places: TensorPlaces = {},
): Generator<ExpectedTensor> {
  const { hiddenSize, vocabSize } = spec;
  yield { name: EMBEDDING, sourceName: names.embedding, shape: [vocabSize, hiddenSize] };
  if (spec.rotary === null)
    yield {
      name: POSITIONS,
      sourceName: names.positions!,
      shape: [spec.positionOffset + spec.contextLength, hiddenSize],
    };
  for (let layer = 0; layer < spec.numLayers; layer++)
    for (const [tensor, shape, ofExperts] of layerShapes(spec, layer)) {
      const name = layerTensor(layer, tensor);
      yield { name, shape, ...sourceOf(spec, layer, tensor, names.layer(layer, tensor), ofExperts, places) };
    }
  yield { name: FINAL_NORM, sourceName: names.finalNorm, shape: [hiddenSize] };
  if (spec.norm === 'layer') yield { name: FINAL_NORM_BIAS, sourceName: names.finalNormBias!, shape: [hiddenSize] };
  if (!spec.tiedEmbeddings) yield { name: HEAD, sourceName: names.head, shape: [vocabSize, hiddenSize] };
}

/** A layer's tensors, the resident ones first: name, shape, and whether it holds a part of every expert. */
function layerShapes(spec: ModelSpec, layer: number): [LayerTensor, number[], boolean][] {
  const { hiddenSize, experts } = spec;
  const neurons = experts?.intermediateSize ?? spec.intermediateSize;
  const streamed: [LayerTensor, number[]][] = [
    ['up', [neurons, hiddenSize]],
    ['down', [hiddenSize, neurons]],
  ];
  if (spec.gated) streamed.unshift(['gate', [neurons, hiddenSize]]);
  return [
    ...residentOfLayer(spec, layer).map(([tensor, shape]): [LayerTensor, number[], boolean] => [
      tensor,
      shape,
      experts !== null && EXPERT_BIASES.includes(tensor),
    ]),
    ...streamed.map(([tensor, matrix]): [LayerTensor, number[], boolean] => [
      tensor,
      experts ? [experts.numExperts, ...matrix] : matrix,
      experts !== null,
    ]),
  ];
}

function sourceOf(
  { experts, hiddenSize, recurrent }: ModelSpec,
  layer: number,
  tensor: LayerTensor,
  sourceName: string,
  ofExperts: boolean,
  { expertSource = stackedExperts, fusedRows = () => null, kernelShape }: TensorPlaces,
) {
  if (ofExperts) return expertSource(layer, tensor as ExpertTensor, { ...experts!, hiddenSize, sourceName });
  if (tensor === 'mixerKernel' && kernelShape && recurrent) {
    const { mixer } = recurrent;
    return { sourceName, sourceShape: kernelShape(mixerChannels(mixer, hiddenSize), mixer.kernel) };
  }
  const parts = fusedRows(tensor);
  return parts ? { sourceName, parts } : { sourceName };
}
