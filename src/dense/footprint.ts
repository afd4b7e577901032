import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { expertsOf } from '../model/feed-forward.js';
import { headStreamTensors, streamTensors } from '../model/mixer-tensors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { JOIN, layerTensor, PER_LAYER_PROJECTION } from '../model/tensor-names.js';
import { checkShapes, tensorNamed } from './check-tensors.js';
import { joinScratchBytes } from './hidden-join.js';
import { type MatrixInOrder, matricesInOrder } from './matrix-order.js';
import { PER_LAYER_MATRICES } from './per-layer-inputs.js';
import { streamScratchBytes } from './residual-streams.js';
import type { TensorShape } from './tensor-on-disk.js';

/** A matrix that may stream. */
export interface MatrixFootprint extends MatrixInOrder, TensorShape {
  /** Memory that it takes where it does not. */
  heldBytes: number;
}

export interface DenseFootprint {
  /** Weights, at most, with all matrices in memory. The real figure is at least three quarters of it. */
  residentBytes: number;
  /** Working buffers for calls of `maxTokens`. */
  scratchBytes: number;
  /** The matrices that may stream, in the order of a pass. They are part of `residentBytes`. */
  matrices: MatrixFootprint[];
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
  const { hiddenSize } = spec;
  const matrices = matricesInOrder(spec).map((matrix) => {
    const { shape, format } = tensorNamed(tensors, matrix.name);
    return { ...matrix, shape, format, heldBytes: matrixBytes({ shape, format }) };
  });
  const shared = spec.experts?.sharedIntermediateSize ?? 0;
  const rotaries = spec.slidingWindow?.theta ? 2 : 1;
  const rotary = rotaries * maxTokens * ((spec.rotary?.dimension ?? 0) * 8 + 4);
  const rows = maxTokens * hiddenSize * 4;
  // One chunk of the table of positions, as floats and in the table's own format.
  const positions = spec.rotary === null ? 2 * rows : 0;
  return {
    residentBytes:
      vectorBytes(spec) +
      sharedRouterBytes(spec, tensors) +
      perLayerBytes(spec, tensors) +
      streamBytes(spec, tensors) +
      joinBytes(spec, tensors) +
      matrices.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
    // All segments share one buffer of rows.
    scratchBytes:
      perLayerScratch(spec, maxTokens) +
      streamScratchBytes(spec, maxTokens) +
      (spec.prediction ? joinScratchBytes(spec, maxTokens) : 0) +
      rotary +
      positions +
      (1 + branchRows(spec)) * rows +
      (spec.experts?.latentSize ? rows + 4 * maxTokens * spec.experts.latentSize : 0) +
      (shared > 0 ? rows + 4 * maxTokens * (2 * shared + 1) : 0),
    matrices,
  };
}

/** Inputs of all layers for a chunk, what is added to them, and a layer's gates and rows. */
function perLayerScratch({ perLayerInputs, numLayers, hiddenSize }: ModelSpec, maxTokens: number): number {
  return perLayerInputs ? 4 * maxTokens * ((2 * numLayers + 1) * perLayerInputs.size + hiddenSize) : 0;
}

/** Buffers of rows for inputs that only the experts, or only the router, read. */
const branchRows = ({ experts }: ModelSpec): number =>
  (experts?.branchNorms ? 1 : 0) + (experts?.routerInput === 'residual' ? 1 : 0);

/** Vectors that are held twice: norms that two segments share, and what the bridge holds a copy of. */
function heldTwice(spec: ModelSpec, name: string): boolean {
  if (name.endsWith('.sinks')) return true;
  if (/\.attentionNorm(Bias)?$/.test(name)) return spec.parallelNorm === 'shared';
  return !spec.experts && /\.(gate|up)Bias$/.test(name);
}

/** Bytes of all vectors, but for those of the mixers that are not attention. */
function vectorBytes(spec: ModelSpec): number {
  let bytes = 0;
  for (const [name, shape] of residentTensors(spec))
    if (shape.length === 1 && !/\.(mixer|latent)\w+$/.test(name))
      bytes += 4 * shape[0] * (heldTwice(spec, name) ? 2 : 1);
  return bytes;
}

/** The matrices of the inputs that each layer has of its own, which stay in memory. */
function perLayerBytes({ perLayerInputs, numLayers }: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  if (!perLayerInputs) return 0;
  let bytes = matrixBytes(tensorNamed(tensors, PER_LAYER_PROJECTION));
  for (let layer = 0; layer < numLayers; layer++)
    for (const name of PER_LAYER_MATRICES) bytes += matrixBytes(tensorNamed(tensors, layerTensor(layer, name)));
  return bytes;
}

/** The matrices that mix residual streams, which stay in memory. */
function streamBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  const layers = Array.from({ length: spec.numLayers }, (_, layer) =>
    streamTensors(spec).map(([name, shape]): [string, number[]] => [layerTensor(layer, name), shape]),
  );
  return [...layers.flat(), ...headStreamTensors(spec)].reduce(
    (sum, [name, shape]) => sum + (shape.length > 1 ? matrixBytes(tensorNamed(tensors, name)) : 0),
    0,
  );
}

/** What a block that predicts further tokens joins its inputs by, and its last norm once more. */
const joinBytes = ({ prediction, hiddenSize }: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number =>
  prediction ? matrixBytes(tensorNamed(tensors, JOIN.projection)) + 4 * hiddenSize : 0;

function sharedRouterBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  if (!spec.experts?.sharedIntermediateSize || !spec.experts.sharedRouter) return 0;
  let bytes = 0;
  for (let layer = 0; layer < spec.numLayers; layer++)
    if (expertsOf(spec, layer)) bytes += matrixBytes(tensorNamed(tensors, layerTensor(layer, 'sharedRouter')));
  return bytes;
}

/** Bytes that the bridge holds for a matrix [rows, columns]: whole pages. */
const matrixBytes = ({ shape, format }: TensorShape): number =>
  roundUp(shape[0] * rowBytes(format, shape[1]), systemPageBytes());
