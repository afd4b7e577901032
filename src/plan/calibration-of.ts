import { type LayerPredictor, readPredictors } from '../store/predictors.js';
import type { Store } from '../store/reader.js';
import type { Calibration } from './calibration.js';

/** What the predictors beside a store say of it; null without them. Throws CORRUPT where they are damaged, or another model's. */
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
