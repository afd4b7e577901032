/** What a plan goes by where a model was calibrated. Shares of a layer's neurons, from 0 to 1. */
export interface Calibration {
  /** Share of active neurons that the predictors miss, over all layers. */
  falseNegativeRate: number;
  /** The same for the signs. */
  signFalseNegativeRate: number;
  layers: {
    /** Woken by a token. */
    activeShare: number;
    /** Chosen by `low-rank`, and by `sign`. */
    chosenShare: number;
    signShare: number;
    /** Of the layer's predictor, in memory. */
    predictorBytes: number;
  }[];
}
