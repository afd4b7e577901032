import type { Bridge } from '../../native-bridge/bridge.js';
import { recurrentOf } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import type { HeldParts } from './held-parts.js';
import { Norm, type NormTensors } from './norm.js';
import {
  type AttentionInput,
  type AttentionOutput,
  attentionInput,
  attentionOutput,
  type InputTensors,
  type OutputTensors,
} from './segments.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

/** The arguments that the loading of a layer and of the head share. */
export interface SegmentLoad {
  spec: ModelSpec;
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  /** Working rows [maxTokens, hiddenSize] that all segments share, as only one runs at a time. */
  scratch: Float32Array;
  /** Takes over each segment as soon as it is loaded. */
  held: HeldParts;
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
  const { spec, tensors, bridge, scratch, held } = load;
  const input = recurrentOf(spec, layer) ? null : inputTensors(spec, tensors, layer);
  const output = outputTensors(spec, tensors, layer);
  const postFfn = spec.postNorms
    ? { weight: tensorNamed(tensors, layerTensor(layer, 'postFfnNorm')), bias: null }
    : null;
  const read = [...(input ? normVectors(input.norm) : []), ...normVectors(output.norm)];
  if (output.oBias) read.push(output.oBias);
  if (output.postNorm) read.push(...normVectors(output.postNorm));
  if (postFfn) read.push(...normVectors(postFfn));
  for (const tensor of read) checkOnDisk(tensor, bridge);
  const postFfnNorm = postFfn && new Norm(spec, postFfn);
  return {
    input: input && held.keep(attentionInput(spec, input, bridge, scratch)),
    output: held.keep(attentionOutput(spec, output, bridge, scratch)),
    postFfnNorm,
  };
}

function inputTensors(spec: ModelSpec, tensors: SegmentLoad['tensors'], layer: number): InputTensors {
  const named = (name: LayerTensor) => tensorNamed(tensors, layerTensor(layer, name));
  return { norm: normTensors(spec, tensors, layer, 'attentionNorm'), q: named('q'), k: named('k'), v: named('v') };
}

function outputTensors(spec: ModelSpec, tensors: SegmentLoad['tensors'], layer: number): OutputTensors {
  const named = (name: LayerTensor) => tensorNamed(tensors, layerTensor(layer, name));
  return {
    o: named('o'),
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
): NormTensors {
  const weight = tensorNamed(tensors, layerTensor(layer, name));
  return { weight, bias: spec.norm === 'layer' ? tensorNamed(tensors, layerTensor(layer, `${name}Bias`)) : null };
}

/** The tensors of a norm that are read from disk. */
export const normVectors = ({ weight, bias }: NormTensors): TensorOnDisk[] => (bias ? [weight, bias] : [weight]);
