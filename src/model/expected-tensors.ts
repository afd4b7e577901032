import type { ExpectedTensor, PartsOfMatrix, RowGroups } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import { type ExpertSource, type ExpertTensor, stackedExperts } from './expert-sources.js';
import { expertsOf, networkNeurons, networkWidth } from './feed-forward.js';
import { hasNorms, headStreamTensors, numberedParts } from './mixer-tensors.js';
import { residentOfLayer, tensorsBeforeLayers } from './resident-tensors.js';
import type { ModelSpec } from './spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  HEAD,
  HEAD_STREAMS,
  type LayerTensor,
  layerTensor,
  NGRAM_EMBEDDING,
  PER_LAYER_EMBEDDING,
  PER_LAYER_NORM,
  PER_LAYER_PROJECTION,
  POSITIONS,
} from './tensor-names.js';

/** The rows of a larger matrix that are this tensor; null where the tensor has a matrix of its own. */
export type FusedRows = (tensor: LayerTensor) => RowGroups | null;

/** Departures from the usual: one stack for each tensor of the experts, a matrix of its own for each of the others. */
export interface TensorPlaces {
  expertSource?: ExpertSource;
  fusedRows?: FusedRows;
  /** The shape of a mixer's tensor in the checkpoint; null for our own. Default: our own. */
  mixerShape?: (tensor: LayerTensor, spec: ModelSpec, layer: number) => number[] | null;
  /** The shapes of vectors that are not [length] in the checkpoint. */
  vectorShapes?: Partial<Record<LayerTensor, (length: number) => number[]>>;
  /** The tensors that make up the table of n-grams. Default null: it is one. */
  ngramParts?: PartsOfMatrix | null;
}

const EXPERT_BIASES: readonly LayerTensor[] = ['gateBias', 'upBias', 'downBias'];

/** Every tensor of a model, with its place in a checkpoint. */
export function* expectedTensors(
  spec: ModelSpec,
  names: CheckpointNames,
  places: TensorPlaces = {},
): Generator<ExpectedTensor> {
  const { hiddenSize, vocabSize } = spec;
  const before: Record<string, string | null> = {
    [EMBEDDING]: names.embedding,
    [POSITIONS]: names.positions,
    [PER_LAYER_EMBEDDING]: names.perLayer?.embedding ?? null,
    [PER_LAYER_PROJECTION]: names.perLayer?.projection ?? null,
    [PER_LAYER_NORM]: names.perLayer?.norm ?? null,
    [NGRAM_EMBEDDING]: names.streams?.ngrams ?? null,
  };
  for (const [name, shape] of tensorsBeforeLayers(spec)) {
    const parts = name === NGRAM_EMBEDDING && places.ngramParts;
    yield { name, sourceName: before[name]!, shape, ...(parts && { parts }) };
  }
  for (let layer = 0; layer < numberedParts(spec); layer++)
    for (const [tensor, shape, ofExperts] of layerShapes(spec, layer)) {
      const name = layerTensor(layer, tensor);
      const sourceShape = places.vectorShapes?.[tensor]?.(shape[0]);
      const source = sourceOf(spec, layer, tensor, names.layer(layer, tensor), ofExperts, places);
      yield { name, shape, ...(sourceShape && { sourceShape }), ...source };
    }
  const head: Record<string, string | undefined> = {
    [HEAD_STREAMS.norm]: names.streams?.norm,
    [HEAD_STREAMS.down]: names.streams?.down,
    [HEAD_STREAMS.up]: names.streams?.up,
    [HEAD_STREAMS.mix]: names.streams?.mix,
    [HEAD_STREAMS.base]: names.streams?.base,
    [HEAD_STREAMS.scale]: names.streams?.scale,
  };
  for (const [name, shape] of headStreamTensors(spec)) yield { name, sourceName: head[name]!, shape };
  if (hasNorms(spec)) yield { name: FINAL_NORM, sourceName: names.finalNorm, shape: [hiddenSize] };
  if (spec.norm === 'layer') yield { name: FINAL_NORM_BIAS, sourceName: names.finalNormBias!, shape: [hiddenSize] };
  if (!spec.tiedEmbeddings) yield { name: HEAD, sourceName: names.head, shape: [vocabSize, hiddenSize] };
}

/** A layer's tensors, the resident ones first: name, shape, and whether it holds a part of every expert. */
function layerShapes(spec: ModelSpec, layer: number): [LayerTensor, number[], boolean][] {
  // A mixer before a layer's own has no network.
  if (layer >= spec.numLayers) return residentOfLayer(spec, layer).map(([tensor, shape]) => [tensor, shape, false]);
  const width = networkWidth(spec, layer);
  const experts = expertsOf(spec, layer);
  const neurons = networkNeurons(spec, layer);
  const streamed: [LayerTensor, number[]][] = [
    ['up', [neurons, width]],
    ['down', [width, neurons]],
  ];
  if (spec.gated) streamed.unshift(['gate', [neurons, width]]);
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
  spec: ModelSpec,
  layer: number,
  tensor: LayerTensor,
  sourceName: string,
  ofExperts: boolean,
  { expertSource = stackedExperts, fusedRows = () => null, mixerShape }: TensorPlaces,
) {
  const hiddenSize = networkWidth(spec, layer);
  if (ofExperts) return expertSource(layer, tensor as ExpertTensor, { ...spec.experts!, hiddenSize, sourceName });
  const sourceShape = mixerShape?.(tensor, spec, layer);
  if (sourceShape) return { sourceName, sourceShape };
  const parts = fusedRows(tensor);
  return parts ? { sourceName, parts } : { sourceName };
}
