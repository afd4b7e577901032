import type { Bridge } from '../../native-bridge/bridge.js';
import type { CalibrationSettings } from '../contract/protocol.js';
import { readActivationBias } from '../engine/biases.js';
import { loadResidentGate } from '../engine/resident-gate.js';
import { FlashrowError } from '../errors.js';
import { SignBits } from '../select/sign-bits.js';
import { REUSE_WINDOWS } from '../store/layer-statistics.js';
import { type PredictorFormat, predictorBytes } from '../store/predictors.js';
import type { Store } from '../store/reader.js';
import type { FinishedLayer } from '../store/write/predictors-writer.js';
import { type ActiveSet, findActiveSet } from './active-set.js';
import type { CalibrationFolder } from './calibration-folder.js';
import { predictorFormat, RANK_STEP } from './check-rank.js';
import type { LayerInputFiles } from './layer-inputs.js';
import { activeShareOf, hotShareOf, reuseOver } from './layer-statistics.js';
import { chooseSignThreshold, SIGN_TOKENS, type SignThreshold } from './sign-threshold.js';
import { trainLayer } from './train-layer.js';

/**
 * The share of a model's bytes that all its predictors may take, unless a rank is asked for: 3% with the file's header.
 */
const PREDICTOR_SHARE = 0.029;
/** The ranks that are tried: powers of two times LEAST_RANK. */
const LEAST_RANK = RANK_STEP;
const MOST_RANK = 1024;

export interface TrainingParts {
  store: Store;
  bridge: Bridge;
  inputs: LayerInputFiles;
  /** Tokens [0, trainTokens) are trained on; the others are held out to measure on. */
  trainTokens: number;
  settings: CalibrationSettings;
  folder: CalibrationFolder;
  /** Called after each step with the rank at work and the share of the layer that is done. It throws to stop. */
  onStep: (layer: number, rank: number, done: number) => void;
}

/** Trains the predictors of all layers, one after another. A layer that an earlier run finished is taken as it is. */
export function trainPredictors({ store, folder, ...parts }: TrainingParts): FinishedLayer[] {
  const { numLayers } = store.spec;
  const layers: FinishedLayer[] = [];
  let bytesLeft = PREDICTOR_SHARE * store.bytes;
  for (let index = 0; index < numLayers; index++) {
    // The bytes that earlier layers did not need go to the layers that remain.
    const layer = folder.layer(index) ?? trainOne({ store, folder, ...parts }, index, bytesLeft / (numLayers - index));
    folder.finishLayer(index, layer);
    bytesLeft -= bytesOf(store, index, layer.format, layer.rank);
    layers.push(layer);
  }
  return layers;
}

/** Trains one layer, and collects the statistics that the plan reads. `maxBytes`: the most its predictor may take. */
function trainOne(
  { store, bridge, inputs, trainTokens, settings, folder, onStep }: TrainingParts,
  index: number,
  maxBytes: number,
): FinishedLayer {
  const { hiddenSize } = store.spec;
  const layerInputs = inputs.layer(index);
  const gate = loadResidentGate(store, bridge, index);
  let active: ActiveSet;
  let sign: SignThreshold;
  try {
    active = findActiveSet(gate, readActivationBias(store, index, bridge), layerInputs);
    sign = chooseSignThreshold(
      new SignBits(bridge, gate, SIGN_TOKENS),
      layerInputs,
      active,
      trainTokens,
      settings.falseNegativeRate,
    );
  } finally {
    gate.dispose();
  }
  const format = predictorFormat(hiddenSize);
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
  requireNumbers(index, [activeShare, division.load, sign.division.load, ...bias]);
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

/**
 * Throws CORRUPT where a layer's figures are no numbers: its inputs were none, and a predictor of them says nothing.
 */
export function requireNumbers(layer: number, figures: readonly number[]): void {
  if (figures.every(Number.isFinite)) return;
  const message = `layer ${layer} computes values that are no numbers, so no predictor can be trained on it; run \`verifyStore()\` on the model`;
  throw new FlashrowError('CORRUPT', message, { layer });
}

/** LEAST_RANK and its doubles, up to half of the hidden size. */
function ranksBelow(hiddenSize: number): number[] {
  const ranks = [LEAST_RANK];
  while (2 * ranks[ranks.length - 1] <= Math.min(MOST_RANK, hiddenSize / 2)) ranks.push(2 * ranks[ranks.length - 1]);
  return ranks;
}

/** The bytes of a layer's predictor. */
function bytesOf(store: Store, index: number, format: PredictorFormat, rank: number): number {
  const { hiddenSize, numNeurons } = store.layers[index];
  return predictorBytes(rank, format, { hiddenSize, numNeurons });
}
