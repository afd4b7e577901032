import { type LayerPredictor, readPredictors } from '../store/predictors.js';
import type { Store } from '../store/reader.js';

/** What a calibration measured of a model. Shares are of a layer's neurons, from 0 to 1. */
export interface Calibration {
  /** Share of the active neurons that the predictors miss, over all layers. */
  falseNegativeRate: number;
  /** The same for the selector `sign`. */
  signFalseNegativeRate: number;
  layers: {
    /** Neurons that a token wakes. */
    activeShare: number;
    /** Neurons that `low-rank` chooses. */
    chosenShare: number;
    /** Neurons that `sign` chooses. */
    signShare: number;
    /** Memory that the layer's predictor takes. */
    predictorBytes: number;
  }[];
}

/**
 * Reads the calibration beside a store; null without one. Throws CORRUPT where its file is damaged, or belongs to
 * another model.
 */
export function calibrationOf(store: Store): Calibration | null {
  const predictors = readPredictors(store);
  if (!predictors) return null;
  const layers = predictors.layers.map(({ statistics, sign, inner, outer, bias }) => ({
    activeShare: statistics.activeShare,
    chosenShare: statistics.chosenShare,
    signShare: sign.chosenShare,
    predictorBytes: inner.bytes + outer.bytes + bias.bytes,
  }));
  const active = layers.reduce((sum, layer) => sum + layer.activeShare, 0);
  const missed = (rateOf: (layer: LayerPredictor) => number) =>
    predictors.layers.reduce((sum, layer) => sum + rateOf(layer) * layer.statistics.activeShare, 0) /
    Math.max(active, Number.MIN_VALUE);
  return {
    falseNegativeRate: missed(({ statistics }) => statistics.falseNegativeRate),
    signFalseNegativeRate: missed(({ sign }) => sign.falseNegativeRate),
    layers,
  };
}
