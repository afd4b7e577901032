import type { DenseHalf } from '../dense/dense-half.js';
import { FlashrowError } from '../errors.js';
import { loadRecurrent } from '../mixers/load-recurrent.js';
import type { MixerLoad } from '../mixers/mixer-tensors.js';
import { loadNgrams, type Ngrams } from '../mixers/ngrams.js';
import type { RecurrentLayer } from '../mixers/recurrent-layer.js';
import { RecurrentState, type Replay } from '../mixers/recurrent-state.js';
import { STEPS_KEPT } from '../mixers/state-size.js';
import { mixersBefore, ngramsBefore, recurrentOf } from '../model/mixer-tensors.js';
import type { Stopwatch } from './meter.js';
import type { Mixer, Pass, PassPart } from './mixer.js';

export interface RecurrentOptions extends Omit<MixerLoad, 'rows'> {
  /** Adds up the time of the mixers: all of their weights are resident. */
  denseTime: Stopwatch;
  /** States that are held side by side. */
  sequences: number;
  dense: DenseHalf;
}

/**
 * The mixer of all layers with a state of fixed size. Other layers are none of its business. Throws CORRUPT, NOT_FOUND,
 * IO or BridgeError, and then holds nothing.
 */
export function createRecurrent({ denseTime, sequences, dense, ...options }: RecurrentOptions): Mixer {
  const { spec } = options;
  const { layers, ngrams, places } = loadLayers({ ...options, rows: new Map() }, dense);
  const last = layers.length - 1;
  const replay: Replay = (layer, inputs, tokens, from, to) => layers[layer].run(inputs, 0, tokens, from, to, null);
  const states = Array.from({ length: sequences }, () => new RecurrentState(layers, replay));
  const inputs = new Float32Array(options.maxTokens * Math.max(...layers.map(({ inputWidth }) => inputWidth)));
  /** Per sequence whether its next pass keeps a snapshot. */
  const marks = states.map(() => false);
  /** Takes the tokens of a pass through the layer in place `at`. */
  const run = (at: number, x: Float32Array, { tokens, parts }: Pass, mixed: Float32Array) => {
    layers[at].project(x, tokens, inputs);
    for (const part of parts) {
      if (part.dropped) continue;
      const state = states[part.sequence];
      if (at === 0) {
        state.begin(part.tokens, marks[part.sequence]);
        marks[part.sequence] = false;
      }
      state.keep(at, inputs, part.row, part.tokens);
      advance(layers[at], state, at, inputs, part, mixed);
      if (at === last) state.end(part.tokens);
    }
  };
  return {
    width: layers.find((layer) => layer !== ngrams)!.width,
    copy: (from, to) => states[to].copy(states[from]),
    save: (sequence, _, write) => states[sequence].save(write),
    load(sequence, length, read) {
      if (!states[sequence].load(length, read))
        throw new FlashrowError('CORRUPT', 'the saved state does not hold states of the lengths that it names', {});
    },
    async step(layer, x, pass, mixed) {
      denseTime.start();
      if (ngrams && ngramsBefore(spec, layer)) {
        const at = layers.indexOf(ngrams);
        for (const { dropped, row, tokens, sequence } of pass.parts)
          if (!dropped) ngrams.lookUp(row, tokens, states[sequence].from(at));
        run(at, x, pass, ngrams.brought);
        dense.streams!.bring(ngrams.brought, pass.tokens);
        dense.streams!.read(layer, 'mix', x, pass.tokens);
      }
      run(places.get(layer)!, x, pass, mixed);
      denseTime.stop();
    },
    snapshot: (sequence) => states[sequence].snapshot(),
    snapshotNext(sequence) {
      marks[sequence] = true;
    },
    rewind(sequence, length) {
      marks[sequence] = false;
      return states[sequence].restore(length);
    },
    get bytes() {
      return states.reduce((sum, { bytes }) => sum + bytes, 0);
    },
    dispose() {
      for (const layer of layers.splice(0)) layer.dispose();
    },
  };
}

/** Takes a layer's state through a part of a pass. With a snapshot to write, it stops there on its way. */
function advance(
  layer: RecurrentLayer,
  state: RecurrentState,
  at: number,
  inputs: Float32Array,
  { row, tokens }: PassPart,
  mixed: Float32Array,
): void {
  const mark = state.mark(at);
  const before = Math.max(0, tokens - STEPS_KEPT);
  if (mark && before > 0) layer.run(inputs, row, before, state.from(at), mark, mixed);
  else mark?.set(state.from(at));
  const first = mark ? before : 0;
  layer.run(inputs, row + first, tokens - first, mark ?? state.from(at), state.to(at), mixed);
}

interface Loaded {
  /** In the order in which they run. */
  layers: RecurrentLayer[];
  /** The one among them that n-grams make; null without them. */
  ngrams: Ngrams | null;
  /** The place of each mixer among them, by its layer's number or its own. */
  places: Map<number, number>;
}

/** Loads all layers, or none: if one fails, those before it are let go. */
function loadLayers(load: MixerLoad, { streams }: DenseHalf): Loaded {
  const layers: RecurrentLayer[] = [];
  const places = new Map<number, number>();
  let ngrams: Ngrams | null = null;
  try {
    for (let layer = 0; layer < load.spec.numLayers; layer++) {
      const before = ngramsBefore(load.spec, layer);
      if (before) {
        ngrams = loadNgrams(load, streams!, before);
        layers.push(ngrams);
      }
      for (const part of [...mixersBefore(load.spec, layer), layer]) {
        const mixer = recurrentOf(load.spec, part);
        if (!mixer) continue;
        places.set(part, layers.length);
        layers.push(loadRecurrent(load, part, mixer));
      }
    }
  } catch (error) {
    for (const layer of layers) layer.dispose();
    throw error;
  }
  return { layers, ngrams, places };
}
