import type { Bridge } from '../../native-bridge/bridge.js';
import type { CalibrationSettings } from '../contract/protocol.js';
import { readActivationBias } from '../engine/biases.js';
import { loadResidentGate } from '../engine/resident-gate.js';
import { SignBits } from '../select/sign-bits.js';
import { REUSE_WINDOWS } from '../store/layer-statistics.js';
import { type PredictorFormat, predictorBytes } from '../store/predictors.js';
import type { Store } from '../store/reader.js';
import type { FinishedLayer } from '../store/write/predictors-writer.js';
import { type ActiveSet, activeSetOf } from './active-set.js';
import type { CalibrationFolder } from './calibration-folder.js';
import { divideBySign, SIGN_TOKENS, type SignDivision } from './divide-by-sign.js';
import type { InputSpill } from './input-spill.js';
import { activeShareOf, hotShareOf, reuseOver } from './layer-statistics.js';
import { trainLayer } from './train-layer.js';

/** Of a model's bytes, what its predictors together may take unless a rank is asked for: 3% with the file's header. */
const PREDICTOR_SHARE = 0.029;
const LEAST_RANK = 32;
const MOST_RANK = 1024;

export interface TrainingParts {
  store: Store;
  bridge: Bridge;
  inputs: InputSpill;
  /** Tokens [0, trainTokens) are learnt from, the others measured on. */
  trainTokens: number;
  settings: CalibrationSettings;
  folder: CalibrationFolder;
  /** Called after each step; throws to stop. */
  onStep: (layer: number, rank: number, done: number) => void;
}

/** Trains layer after layer; those that an earlier run finished are taken as they are. */
export function trainLayers({ store, folder, ...parts }: TrainingParts): FinishedLayer[] {
  const { numLayers } = store.spec;
  const layers: FinishedLayer[] = [];
  let bytesLeft = PREDICTOR_SHARE * store.bytes;
  for (let index = 0; index < numLayers; index++) {
    // What the layers before left over is for those to come.
    const layer = folder.layer(index) ?? finish({ store, folder, ...parts }, index, bytesLeft / (numLayers - index));
    folder.finishLayer(index, layer);
    bytesLeft -= bytesOf(store, index, layer.format, layer.rank);
    layers.push(layer);
  }
  return layers;
}

function finish(
  { store, bridge, inputs, trainTokens, settings, folder, onStep }: TrainingParts,
  index: number,
  maxBytes: number,
): FinishedLayer {
  const { hiddenSize } = store.spec;
  const layerInputs = inputs.layer(index);
  const gate = loadResidentGate(store, bridge, index);
  let active: ActiveSet;
  let sign: SignDivision;
  try {
    active = activeSetOf(gate, readActivationBias(store, index, bridge), layerInputs);
    sign = divideBySign(
      new SignBits(bridge, gate, SIGN_TOKENS),
      layerInputs,
      active,
      trainTokens,
      settings.falseNegativeRate,
    );
  } finally {
    gate.dispose();
  }
  // A rank is a multiple of 32 for the sake of this format's blocks; it costs a fiftieth of the selectivity, and four fifths of the bytes less.
  const format: PredictorFormat = hiddenSize % 32 === 0 ? 'q4_0' : 'f32';
  const { rank, threshold, division, inner, outer, bias } = trainLayer(bridge, layerInputs, active, {
    trainTokens,
    falseNegativeRate: settings.falseNegativeRate,
    ranks: settings.rank === null ? ranksBelow(hiddenSize) : [settings.rank],
    maxBytes,
    predictorBytes: (rank) => bytesOf(store, index, format, rank),
    format,
    bundleBytes: store.layers[index].extents[0].bytes,
    seed: settings.seed + index,
    scratchPath: folder.file('trial'),
    onStep: (rank, done) => onStep(index, rank, done),
  });
  const uses = active.counts(0, trainTokens);
  const activeShare = activeShareOf(active, trainTokens, active.tokens);
  return {
    rank,
    format,
    threshold,
    statistics: {
      activeShare,
      hotShare: hotShareOf(uses),
      reuse: reuseOver(active, trainTokens, active.tokens, REUSE_WINDOWS),
      falseNegativeRate: division.falseNegativeRate,
      falsePositiveRate: division.falsePositiveRate,
      chosenShare: division.load * activeShare,
    },
    sign: {
      threshold: sign.threshold,
      falseNegativeRate: sign.division.falseNegativeRate,
      chosenShare: sign.division.load * activeShare,
    },
    inner,
    outer,
    bias: new Uint8Array(bias.buffer, bias.byteOffset, bias.byteLength),
    uses: new Uint8Array(uses.buffer),
  };
}

function ranksBelow(hiddenSize: number): number[] {
  const ranks = [LEAST_RANK];
  while (2 * ranks[ranks.length - 1] <= Math.min(MOST_RANK, hiddenSize / 2)) ranks.push(2 * ranks[ranks.length - 1]);
  return ranks;
}

function bytesOf(store: Store, index: number, format: PredictorFormat, rank: number): number {
  const { hiddenSize, numNeurons } = store.layers[index];
  return predictorBytes(rank, format, { hiddenSize, numNeurons });
}
