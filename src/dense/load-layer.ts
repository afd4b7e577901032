import type { Bridge } from '../../native-bridge/bridge.js';
import { hasKeys, hasValues } from '../model/attention-layers.js';
import { hasMixer, hasNorms, hasPlainAttention } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { DenseMatrix, StreamedMatrices } from './dense-matrix.js';
import type { HeldParts } from './held-parts.js';
import { loadMatrix, streamedMatrix } from './load-tensor.js';
import { Norm, type NormTensors } from './norm.js';
import {
  type AttentionInput,
  type AttentionOutput,
  attentionInput,
  attentionOutput,
  type InputTensors,
  type OutputTensors,
  type Streams,
} from './segments.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** The arguments that the loading of a layer and of the head share. */
export interface SegmentLoad {
  spec: ModelSpec;
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  /** Null where every matrix stays in memory. */
  streamed: StreamedMatrices | null;
  /** Working rows [maxTokens, hiddenSize] that all segments share, as only one runs at a time. */
  scratch: Float32Array;
  /** Takes over each matrix as soon as it is loaded. */
  held: HeldParts;
  /** Null for one residual stream. */
  streams: Streams | null;
}

/** One layer's segments, and the norm that follows its feed-forward network. */
export interface DenseLayer {
  /** Null in a layer whose mixer is not attention: such a mixer has its own. */
  input: AttentionInput | null;
  output: AttentionOutput;
  /** Norm of the feed-forward network's output; null if the model has none. */
  postFfnNorm: Norm | null;
}

/**
 * Loads the two segments of a layer. Throws CORRUPT, NOT_FOUND, IO or BridgeError.
 */
export function loadLayer(load: SegmentLoad, layer: number): DenseLayer {
  const { spec, tensors, bridge, scratch, streams } = load;
  const input = hasPlainAttention(spec, layer) ? inputTensors(load, layer) : null;
  const output = outputTensors(load, layer);
  const postFfn = spec.postNorms
    ? { weight: tensorNamed(tensors, layerTensor(layer, 'postFfnNorm')), bias: null }
    : null;
  const read = [...(input?.norm ? normVectors(input.norm) : []), ...(output.norm ? normVectors(output.norm) : [])];
  if (output.oBias) read.push(output.oBias);
  if (output.postNorm) read.push(...normVectors(output.postNorm));
  if (postFfn) read.push(...normVectors(postFfn));
  for (const tensor of read) checkOnDisk(tensor, bridge);
  const postFfnNorm = postFfn && new Norm(spec, postFfn);
  return {
    input: input && attentionInput(spec, input, scratch),
    output: attentionOutput(spec, output, scratch, streams && { streams, layer }),
    postFfnNorm,
  };
}

function inputTensors(load: SegmentLoad, layer: number): InputTensors {
  const { spec, tensors } = load;
  const matrix = (name: LayerTensor) => denseMatrix(load, layerTensor(layer, name));
  return {
    norm: normTensors(spec, tensors, layer, 'attentionNorm'),
    q: matrix('q'),
    k: hasKeys(spec, layer) ? matrix('k') : null,
    v: hasValues(spec, layer) ? matrix('v') : null,
  };
}

function outputTensors(load: SegmentLoad, layer: number): OutputTensors {
  const { spec, tensors } = load;
  const named = (name: LayerTensor) => tensorNamed(tensors, layerTensor(layer, name));
  return {
    o: hasMixer(spec, layer) ? denseMatrix(load, layerTensor(layer, 'o')) : null,
    oBias: spec.outputBias ? named('oBias') : null,
    postNorm: spec.postNorms ? { weight: named('postAttentionNorm'), bias: null } : null,
    norm: normTensors(spec, tensors, layer, spec.parallelNorm === 'shared' ? 'attentionNorm' : 'ffnNorm'),
  };
}

function normTensors(
  spec: ModelSpec,
  tensors: SegmentLoad['tensors'],
  layer: number,
  name: 'attentionNorm' | 'ffnNorm',
): NormTensors | null {
  if (!hasNorms(spec)) return null;
  const weight = tensorNamed(tensors, layerTensor(layer, name));
  return { weight, bias: spec.norm === 'layer' ? tensorNamed(tensors, layerTensor(layer, `${name}Bias`)) : null };
}

/** The tensors of a norm that are read from disk. */
export const normVectors = ({ weight, bias }: NormTensors): TensorOnDisk[] => (bias ? [weight, bias] : [weight]);

/** A matrix, streamed or loaded, as the plan has it. Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
export const denseMatrix = ({ tensors, bridge, streamed, held }: SegmentLoad, name: string): DenseMatrix =>
  streamedMatrix(streamed, tensorNamed(tensors, name), name) ??
  held.keep(loadMatrix(bridge, tensorNamed(tensors, name)));
