import { keyValuePageBytes, pagesOf } from '../../native-bridge/memory.js';
import { RowViews } from '../dense/row-views.js';
import { attendRows } from '../mixers/attend-rows.js';
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
  const views = { q: new RowViews(q), keys: new RowViews(keys), answers: new RowViews(answers) };
  const [queryWidth, answerWidth] = [numAttentionHeads * headDim, numAttentionHeads * latent.latentDim];
  const format = keptAs(stateFormat);
  const pageBytes = keyValuePageBytes({ numKeyValueHeads: 1, headDim, format, sharedValueDim: latent.latentDim });
  // The layers of one sequence follow those of another.
  const saved = (sequence: number) =>
    layers.map((_, layer) => ({ cache, at: sequence * numLayers + layer, pageBytes, kept: null }));
  return {
    copy(from, to, length) {
      for (let layer = 0; layer < numLayers; layer++)
        cache.copy(from * numLayers + layer, to * numLayers + layer, length);
    },
    save: (sequence, length, write) => savePages(saved(sequence), null, pagesOf(length), write),
    load: (sequence, length, read) => loadPages(saved(sequence), null, pagesOf(length), length, read),
    width: numAttentionHeads * latent.valueDim,
    async step(layer, x, { tokens, positions, parts }, mixed) {
      denseTime.start();
      layers[layer].project(x, tokens, positions, q, keys);
      denseTime.stop();
      for (const part of parts) {
        if (part.dropped) continue;
        const at = part.sequence * numLayers + layer;
        const own = views.keys.from(part.row * headDim);
        cache.append(at, part.position, part.tokens, own, own);
        attendRows(cache, at, part, views.q, queryWidth, views.answers, answerWidth);
      }
      denseTime.start();
      layers[layer].values(answers, tokens, mixed);
      denseTime.stop();
    },
    // Every position can be returned to as it is.
    snapshot() {},
    snapshotNext() {},
    swap(sequence, one, other) {
      for (let layer = 0; layer < numLayers; layer++) cache.swap(sequence * numLayers + layer, one, other);
    },
    rewind(sequence, length) {
      for (let layer = 0; layer < numLayers; layer++) cache.truncate(sequence * numLayers + layer, length);
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
