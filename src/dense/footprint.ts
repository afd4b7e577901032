import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { attentionLayers, recurrentOf } from '../model/mixer-tensors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import { streamedNeurons } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { checkShapes, headName, tensorNamed } from './check-tensors.js';
import { SHARED_PARTS } from './shared-expert.js';
import type { TensorShape } from './tensor-on-disk.js';

/** The matrices of a layer's attention. */
const PROJECTIONS: readonly LayerTensor[] = ['q', 'k', 'v', 'o'];

export interface DenseFootprint {
  /** Weights, at most. The real figure is at least three quarters of it. */
  residentBytes: number;
  /** Working buffers for calls of `maxTokens`. */
  scratchBytes: number;
}

/**
 * Foretells the bytes that `createDenseHalf` will hold, from headers alone. Throws CORRUPT if tensors do not fit the
 * spec.
 */
export function denseFootprint(
  spec: ModelSpec,
  tensors: ReadonlyMap<string, TensorShape>,
  maxTokens = prefillChunk(spec),
): DenseFootprint {
  checkShapes(spec, tensors);
  const { hiddenSize, numLayers } = spec;
  const matrices = Array.from({ length: numLayers }, (_, layer) => {
    const projections = recurrentOf(spec, layer) ? (['o'] as const) : PROJECTIONS;
    return projections.map((name) => tensorNamed(tensors, layerTensor(layer, name)));
  }).flat();
  matrices.push(tensorNamed(tensors, headName(spec)));
  const norms = normBytes(spec) + attentionLayers(spec) * attentionVectorBytes(spec) + numLayers * biasBytes(spec);
  const shared = spec.experts?.sharedIntermediateSize ?? 0;
  const rotaries = spec.slidingWindow?.theta ? 2 : 1;
  const rotary = rotaries * 2 * maxTokens * ((spec.rotary?.dimension ?? 0) / 2) * 8;
  const rows = maxTokens * hiddenSize * 4;
  // One chunk of the table of positions, as floats and in the table's own format.
  const positions = spec.rotary === null ? 2 * rows : 0;
  return {
    residentBytes:
      norms + sharedExpertBytes(spec, tensors) + matrices.reduce((sum, matrix) => sum + matrixBytes(matrix), 0),
    // All segments share one buffer of rows.
    scratchBytes: rotary + positions + rows + (shared > 0 ? rows + 4 * maxTokens * (2 * shared + 1) : 0),
  };
}

/**
 * Bytes of all norms: before attention, before the network (a shared one is held twice), after each of them in some
 * models, and the last.
 */
const normBytes = ({ norm, postNorms, numLayers, hiddenSize }: ModelSpec): number =>
  (norm === 'layer' ? 2 : 1) * ((postNorms ? 4 : 2) * numLayers + 1) * hiddenSize * 4;

/**
 * Bytes of one layer's other vectors: the biases of the output projection, of the network's output, of the router and
 * of the neurons (held by the bridge, and by some selectors too), and the sinks.
 */
function biasBytes(spec: ModelSpec): number {
  const { outputBias, feedForwardBiases, gated, hiddenSize, experts } = spec;
  const neuronFloats = (experts ? 1 : 2) * (gated ? 2 : 1) * streamedNeurons(spec);
  const outputFloats = (experts?.numExperts ?? 1) * hiddenSize + (experts?.numExperts ?? 0);
  const sinks = spec.attentionSinks ? 2 * spec.numAttentionHeads : 0;
  return 4 * (sinks + (outputBias ? hiddenSize : 0) + (feedForwardBiases ? outputFloats + neuronFloats : 0));
}

/** Bytes of the biases and norms of one layer's queries, keys and values. */
function attentionVectorBytes({
  numAttentionHeads,
  numKeyValueHeads,
  headDim,
  queryKeyValueBiases,
  queryKeyNorm,
}: ModelSpec) {
  const [queries, keys] = [numAttentionHeads * headDim, numKeyValueHeads * headDim];
  const biases = queryKeyValueBiases ? queries + 2 * keys : 0;
  return 4 * (biases + (queryKeyNorm === 'head' ? 2 * headDim : queryKeyNorm === 'all' ? queries + keys : 0));
}

function sharedExpertBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  if (!spec.experts?.sharedIntermediateSize) return 0;
  let bytes = 0;
  for (let layer = 0; layer < spec.numLayers; layer++) {
    for (const name of SHARED_PARTS) {
      bytes += matrixBytes(tensorNamed(tensors, layerTensor(layer, name)));
    }
  }
  return bytes;
}

/** Bytes that the bridge holds for a matrix [rows, columns]: whole pages. */
const matrixBytes = ({ shape, format }: TensorShape): number =>
  roundUp(shape[0] * rowBytes(format, shape[1]), systemPageBytes());
