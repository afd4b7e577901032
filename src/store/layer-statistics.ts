/* A file without Buffer: public types must compile in programs without Node's types. */

/** Windows for the measurement of reuse, tokens. */
export const REUSE_WINDOWS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** One layer's statistics on the held-out tokens of a calibration. Shares are from 0 to 1. */
export interface LayerStatistics {
  /** Neurons that a token activates, as a share of all. */
  activeShare: number;
  /** The smallest share of the neurons with 80% of all activations. */
  hotShare: number;
  /**
   * For each k of REUSE_WINDOWS: active neurons that were also active for one of the last k tokens, and those that were
   * not, as shares of all.
   */
  reuse: { hitRate: number; newShare: number; unionShare: number }[];
  /** The predictor's results: active neurons that it misses, inactive ones that it chooses, chosen ones over all. */
  falseNegativeRate: number;
  falsePositiveRate: number;
  chosenShare: number;
}
