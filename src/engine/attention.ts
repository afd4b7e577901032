import type { Bridge } from '../../native-bridge/bridge.js';
import type { DenseHalf } from '../dense/dense-half.js';
import { loadVector } from '../dense/load-tensor.js';
import type { TensorOnDisk } from '../dense/tensor-on-disk.js';
import { windowOf } from '../model/sliding-window.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import type { Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';

export interface AttentionOptions {
  spec: ModelSpec;
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  dense: DenseHalf;
  contextSize: number;
  stateFormat: 'f16' | 'f32';
  /** The most tokens that one call will bring. */
  maxTokens: number;
  /** Adds up the time of the resident projections. */
  denseTime: Stopwatch;
}

/**
 * The mixer of attention: grouped queries (arXiv 2305.13245) over the bridge's paged keys and values. A layer with a
 * sliding window keeps all positions and looks at the last ones. Throws CORRUPT, NOT_FOUND, IO or BridgeError.
 */
export function createAttention({
  spec,
  tensors,
  bridge,
  dense,
  contextSize,
  stateFormat,
  maxTokens,
  denseTime,
}: AttentionOptions): Mixer {
  const { numLayers, numAttentionHeads, numKeyValueHeads, headDim } = spec;
  const cache = bridge.createKeyValueCache({
    numLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    contextSize,
    format: stateFormat === 'f16' ? 'i16' : 'f32',
    windows: windowsOf(spec),
    softCap: spec.attentionSoftCap ?? undefined,
    sinks: readSinks(spec, tensors, bridge),
  });
  const width = numAttentionHeads * headDim;
  const q = new Float32Array(maxTokens * (spec.attentionGate ? 2 : 1) * width);
  const k = new Float32Array(maxTokens * numKeyValueHeads * headDim);
  const v = new Float32Array(maxTokens * numKeyValueHeads * headDim);
  const gates = spec.attentionGate ? new Float32Array(maxTokens * width) : null;
  return {
    width,
    async step(layer, x, tokens, position, mixed) {
      denseTime.start();
      dense.attentionInput(layer, x, tokens, position, q, k, v, gates);
      denseTime.stop();
      cache.append(layer, position, tokens, k, v);
      cache.attend(layer, position, tokens, q, mixed);
      for (let i = 0; gates && i < tokens * width; i++) mixed[i] /= 1 + Math.exp(-gates[i]);
    },
    // Every position can be returned to as it is.
    snapshot() {},
    snapshotNext() {},
    rewind(length) {
      cache.truncate(length);
      return length;
    },
    get bytes() {
      return cache.bytes;
    },
    dispose: () => cache.dispose(),
  };
}

/** Per layer the number of positions that a token sees; 0 for all. */
function windowsOf({ numLayers, slidingWindow }: ModelSpec): Uint32Array {
  return Uint32Array.from({ length: numLayers }, (_, layer) => (slidingWindow ? windowOf(slidingWindow, layer) : 0));
}

/** The sinks of all layers, [numLayers, numAttentionHeads]; undefined if the model has none. */
function readSinks(
  spec: ModelSpec,
  tensors: ReadonlyMap<string, TensorOnDisk>,
  bridge: Bridge,
): Float32Array | undefined {
  if (!spec.attentionSinks) return undefined;
  const sinks = new Float32Array(spec.numLayers * spec.numAttentionHeads);
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const tensor = tensors.get(layerTensor(layer, 'sinks'));
    if (tensor) sinks.set(loadVector(bridge, tensor), layer * spec.numAttentionHeads);
  }
  return sinks;
}
