import { tensorNamed } from '../dense/check-tensors.js';
import { HeldParts } from '../dense/held-parts.js';
import { loadMatrix, streamedMatrix } from '../dense/load-tensor.js';
import { attentionLayers, hasMixer, mixersBefore, recurrentMixers, recurrentOf } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import { type AttentionOptions, createAttention } from './attention.js';
import { createCompressedAttention } from './compressed-attention.js';
import { createLatentAttention } from './latent-attention.js';
import type { Mixer, Pass } from './mixer.js';
import { createRecurrent } from './recurrent-mixer.js';

/** The mixers of a model's layers, as one. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function createMixer(options: AttentionOptions): Mixer {
  const { spec } = options;
  if (spec.compressedAttention) return createCompressedAttention(options, spec.compressedAttention);
  if (spec.latentAttention) return createLatentAttention(options, spec.latentAttention);
  if (!spec.recurrent) return createAttention(options);
  const held = new HeldParts();
  try {
    const recurrent = recurrentMixers(spec) > 0 ? held.keep(createRecurrent(options)) : null;
    const attention = attentionLayers(spec) > 0 ? held.keep(createAttention(options)) : null;
    const before = recurrent && mixBefore(options, recurrent, held);
    return inTurns(spec, recurrent, attention, before, held);
  } catch (error) {
    void held.dispose();
    throw error;
  }
}

/** Adds to x[tokens, hiddenSize] what the mixers before a layer's own make of it. */
type MixBefore = (layer: number, x: Float32Array, pass: Pass) => Promise<void>;

/** Null where no layer has a mixer before its own. */
function mixBefore(options: AttentionOptions, recurrent: Mixer, held: HeldParts): MixBefore | null {
  const { spec, tensors, bridge, streamed, maxTokens, denseTime } = options;
  const layers = Array.from({ length: spec.numLayers }, (_, layer) => {
    const parts = mixersBefore(spec, layer);
    return parts.map((part) => {
      const name = layerTensor(part, 'o');
      const output = tensorNamed(tensors, name);
      return { part, output: streamedMatrix(streamed, output, name) ?? held.keep(loadMatrix(bridge, output)) };
    });
  });
  if (layers.every((parts) => parts.length === 0)) return null;
  const mixed = new Float32Array(maxTokens * recurrent.width);
  const rows = new Float32Array(maxTokens * spec.hiddenSize);
  return async (layer, x, pass) => {
    for (const { part, output } of layers[layer]) {
      await recurrent.step(part, x, pass, mixed);
      denseTime.start();
      output.matmul(mixed, pass.tokens, rows);
      for (let i = 0; i < pass.tokens * spec.hiddenSize; i++) x[i] += spec.residualScale * rows[i];
      denseTime.stop();
    }
  };
}

/** Two mixers, each for its own layers; null where no layer has one of a kind. */
function inTurns(
  spec: ModelSpec,
  recurrent: Mixer | null,
  attention: Mixer | null,
  before: MixBefore | null,
  held: HeldParts,
): Mixer {
  const all = [recurrent, attention].filter((mixer) => mixer !== null);
  const byLayer = Array.from({ length: spec.numLayers }, (_, layer) => {
    if (!hasMixer(spec, layer)) return null;
    return recurrentOf(spec, layer) ? recurrent : attention;
  });
  return {
    width: Math.max(...all.map(({ width }) => width)),
    copy(from, to, length) {
      for (const mixer of all) mixer.copy(from, to, length);
    },
    save(sequence, length, write) {
      for (const mixer of all) mixer.save(sequence, length, write);
    },
    load(sequence, length, read) {
      for (const mixer of all) mixer.load(sequence, length, read);
    },
    async step(layer, x, pass, mixed) {
      await before?.(layer, x, pass);
      await byLayer[layer]?.step(layer, x, pass, mixed);
    },
    snapshot(sequence) {
      for (const mixer of all) mixer.snapshot(sequence);
    },
    snapshotNext(sequence) {
      for (const mixer of all) mixer.snapshotNext(sequence);
    },
    rewind(sequence, length) {
      let reached = length;
      // Where one of them stops short, the others go back further.
      for (let asked = -1; asked !== reached; ) {
        asked = reached;
        for (const mixer of all) reached = mixer.rewind(sequence, reached);
      }
      return reached;
    },
    get bytes() {
      return all.reduce((sum, { bytes }) => sum + bytes, 0);
    },
    dispose: () => void held.dispose(),
  };
}
