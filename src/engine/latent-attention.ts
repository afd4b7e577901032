import { keyValuePageBytes, pagesOf } from '../../native-bridge/memory.js';
import { loadLatent } from '../mixers/latent-projections.js';
import type { LatentAttentionSpec } from '../model/spec.js';
import { keptAs } from '../plan/state-format.js';
import type { AttentionOptions } from './attention.js';
import type { Mixer } from './mixer.js';
import { loadPages, savePages } from './state/saved-pages.js';

/**
 * The mixer of latent attention (arXiv 2405.04434): keys and values of a position are one vector, [latent | rotary
 * part], for all heads. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing.
 */
export function createLatentAttention(options: AttentionOptions, latent: LatentAttentionSpec): Mixer {
  const { spec, tensors, bridge, streamed, contextSize, stateFormat, sequences, maxTokens, denseTime } = options;
  const { numLayers, numAttentionHeads, headDim } = spec;
  const layers = loadLatent({ spec, tensors, bridge, streamed, maxTokens, rows: new Map() }, latent);
  const cache = bridge.createKeyValueCache({
    ...{ numLayers: sequences * numLayers, numAttentionHeads, numKeyValueHeads: 1, headDim, contextSize },
    format: keptAs(stateFormat),
    sharedValueDim: latent.latentDim,
  });
  const q = new Float32Array(maxTokens * numAttentionHeads * headDim);
  const keys = new Float32Array(maxTokens * headDim);
  const answers = new Float32Array(maxTokens * numAttentionHeads * latent.latentDim);
  // The layers of one sequence follow those of another.
  let first = 0;
  const format = keptAs(stateFormat);
  const pageBytes = keyValuePageBytes({ numKeyValueHeads: 1, headDim, format, sharedValueDim: latent.latentDim });
  const saved = () => layers.map((_, layer) => ({ cache, at: first + layer, pageBytes, kept: null }));
  return {
    use(sequence) {
      first = sequence * numLayers;
    },
    copy(from, length) {
      for (let layer = 0; layer < numLayers; layer++) cache.copy(from * numLayers + layer, first + layer, length);
    },
    save: (length, write) => savePages(saved(), null, pagesOf(length), write),
    load: (length, read) => loadPages(saved(), null, pagesOf(length), length, read),
    width: numAttentionHeads * latent.valueDim,
    async step(layer, x, tokens, position, mixed) {
      denseTime.start();
      layers[layer].project(x, tokens, position, q, keys);
      denseTime.stop();
      cache.append(first + layer, position, tokens, keys, keys);
      cache.attend(first + layer, position, tokens, q, answers);
      denseTime.start();
      layers[layer].values(answers, tokens, mixed);
      denseTime.stop();
    },
    // Every position can be returned to as it is.
    snapshot() {},
    snapshotNext() {},
    rewind(length) {
      for (let layer = 0; layer < numLayers; layer++) cache.truncate(first + layer, length);
      return length;
    },
    get bytes() {
      return cache.bytes;
    },
    dispose() {
      cache.dispose();
      for (const layer of layers.splice(0)) layer.dispose();
    },
  };
}
