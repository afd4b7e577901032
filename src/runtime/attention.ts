import type { Bridge } from '../../native-bridge/bridge.js';
import type { DenseHalf } from '../dense/dense-half.js';
import type { ModelSpec } from '../model/spec.js';
import type { Mixer } from './mixer.js';
import type { Stopwatch } from './stopwatch.js';

export interface AttentionOptions {
  spec: ModelSpec;
  bridge: Bridge;
  dense: DenseHalf;
  contextSize: number;
  stateFormat: 'f16' | 'f32';
  /** Tokens of the largest chunk. */
  maxTokens: number;
  /** Counts the time of the resident projections. */
  denseTime: Stopwatch;
}

/** Grouped-query attention over the bridge's paged keys and values. */
export function createAttention({
  spec,
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
  });
  const width = numAttentionHeads * headDim;
  const q = new Float32Array(maxTokens * width);
  const k = new Float32Array(maxTokens * numKeyValueHeads * headDim);
  const v = new Float32Array(maxTokens * numKeyValueHeads * headDim);
  return {
    width,
    async step(layer, x, tokens, position, mixed) {
      denseTime.start();
      await dense.attentionInput(layer, x, tokens, position, q, k, v);
      denseTime.stop();
      cache.append(layer, position, tokens, k, v);
      cache.attend(layer, position, tokens, q, mixed);
    },
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
