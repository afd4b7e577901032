/* In a file without Buffer: what is public compiles in programs that have no types of Node. */

/** Windows over which reuse is measured, tokens. */
export const REUSE_WINDOWS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** What the held-out tokens of a calibration showed of one layer. Shares are from 0 to 1. */
export interface LayerStatistics {
  /** Neurons that a token wakes, as a share of all. */
  activeShare: number;
  /** The smallest share of the neurons that carries 80% of all activations. */
  hotShare: number;
  /** Active neurons that one of the last k tokens had woken too, and those that none had, as shares of all; k as in REUSE_WINDOWS. */
  reuse: { hitRate: number; newShare: number; unionShare: number }[];
  /** What the predictor does: active neurons missed, inactive ones chosen, chosen over all. */
  falseNegativeRate: number;
  falsePositiveRate: number;
  chosenShare: number;
}
