import { attentionLayers, recurrentOf } from '../model/mixer-tensors.js';
import { type AttentionOptions, createAttention } from './attention.js';
import type { Mixer } from './mixer.js';
import { createRecurrent } from './recurrent-mixer.js';

/** The mixers of a model's layers, as one. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function createMixer(options: AttentionOptions): Mixer {
  const { spec } = options;
  if (!spec.recurrent?.layers.includes(true)) return createAttention(options);
  const recurrent = createRecurrent(options);
  if (attentionLayers(spec) === 0) return recurrent;
  try {
    const attention = createAttention(options);
    return inTurns(recurrent, attention, (layer) => (recurrentOf(spec, layer) ? recurrent : attention));
  } catch (error) {
    recurrent.dispose();
    throw error;
  }
}

/** Two mixers, each for its own layers. Attention can go back to wherever the other one could. */
const inTurns = (recurrent: Mixer, attention: Mixer, of: (layer: number) => Mixer): Mixer => ({
  width: Math.max(recurrent.width, attention.width),
  step: (layer, x, tokens, position, mixed) => of(layer).step(layer, x, tokens, position, mixed),
  snapshot: () => recurrent.snapshot(),
  snapshotNext: () => recurrent.snapshotNext(),
  rewind: (length) => attention.rewind(recurrent.rewind(length)),
  get bytes() {
    return recurrent.bytes + attention.bytes;
  },
  dispose() {
    recurrent.dispose();
    attention.dispose();
  },
});
