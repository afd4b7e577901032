import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { tensorNamed } from '../dense/check-tensors.js';
import { HeldParts } from '../dense/held-parts.js';
import { loadMatrix } from '../dense/load-tensor.js';
import { attentionLayers, mixerBefore, recurrentOf } from '../model/mixer-tensors.js';
import { layerTensor } from '../model/tensor-names.js';
import { type AttentionOptions, createAttention } from './attention.js';
import { createLatentAttention } from './latent-attention.js';
import type { Mixer, Pass } from './mixer.js';
import { createRecurrent } from './recurrent-mixer.js';

/** The mixers of a model's layers, as one. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function createMixer(options: AttentionOptions): Mixer {
  const { spec } = options;
  if (spec.latentAttention) return createLatentAttention(options, spec.latentAttention);
  if (!spec.recurrent?.layers.includes(true)) return createAttention(options);
  if (attentionLayers(spec) === 0) return createRecurrent(options);
  const held = new HeldParts();
  try {
    const recurrent = held.keep(createRecurrent(options));
    const attention = held.keep(createAttention(options));
    const before = mixBefore(options, recurrent, held);
    return inTurns(recurrent, attention, (layer) => recurrentOf(spec, layer) !== null, before, held);
  } catch (error) {
    void held.dispose();
    throw error;
  }
}

/** Adds to x[tokens, hiddenSize] what the mixer before a layer's attention makes of it. */
type MixBefore = (layer: number, x: Float32Array, pass: Pass) => Promise<void>;

/** Null where no layer has a mixer before its attention. */
function mixBefore(
  { spec, tensors, bridge, maxTokens, denseTime }: AttentionOptions,
  recurrent: Mixer,
  held: HeldParts,
): MixBefore | null {
  if (!spec.recurrent?.before?.includes(true)) return null;
  const outputs = new Map<number, ResidentMatrix>();
  for (let layer = 0; layer < spec.numLayers; layer++)
    if (mixerBefore(spec, layer)) {
      const output = tensorNamed(tensors, layerTensor(layer, 'mixerOutput'));
      outputs.set(layer, held.keep(loadMatrix(bridge, output)));
    }
  const mixed = new Float32Array(maxTokens * recurrent.width);
  const rows = new Float32Array(maxTokens * spec.hiddenSize);
  return async (layer, x, pass) => {
    const output = outputs.get(layer);
    if (!output) return;
    await recurrent.step(layer, x, pass, mixed);
    denseTime.start();
    output.matmul(mixed, pass.tokens, rows);
    for (let i = 0; i < pass.tokens * spec.hiddenSize; i++) x[i] += spec.residualScale * rows[i];
    denseTime.stop();
  };
}

/** Two mixers, each for its own layers. */
const inTurns = (
  recurrent: Mixer,
  attention: Mixer,
  isRecurrent: (layer: number) => boolean,
  before: MixBefore | null,
  held: HeldParts,
): Mixer => ({
  width: Math.max(recurrent.width, attention.width),
  copy(from, to, length) {
    recurrent.copy(from, to, length);
    attention.copy(from, to, length);
  },
  save(sequence, length, write) {
    recurrent.save(sequence, length, write);
    attention.save(sequence, length, write);
  },
  load(sequence, length, read) {
    recurrent.load(sequence, length, read);
    attention.load(sequence, length, read);
  },
  async step(layer, x, pass, mixed) {
    await before?.(layer, x, pass);
    await (isRecurrent(layer) ? recurrent : attention).step(layer, x, pass, mixed);
  },
  snapshot(sequence) {
    recurrent.snapshot(sequence);
    attention.snapshot(sequence);
  },
  snapshotNext(sequence) {
    recurrent.snapshotNext(sequence);
    attention.snapshotNext(sequence);
  },
  rewind(sequence, length) {
    let reached = length;
    // Where one of them stops short, the other one goes back further.
    for (let asked = -1; asked !== reached; ) {
      asked = reached;
      reached = attention.rewind(sequence, recurrent.rewind(sequence, asked));
    }
    return reached;
  },
  get bytes() {
    return recurrent.bytes + attention.bytes;
  },
  dispose: () => void held.dispose(),
});
