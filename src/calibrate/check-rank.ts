import { rowBytes } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import { type PredictorFormat, predictorBytes } from '../store/predictors.js';
import type { Store } from '../store/reader.js';

/** Ranks are multiples of this: the blocks of a predictor's rows have so many values. */
export const RANK_STEP = 32;

/** The format of a model's predictors. q4_0 costs a fiftieth of the selectivity and saves four fifths of the bytes. */
export const predictorFormat = (hiddenSize: number): PredictorFormat => (hiddenSize % RANK_STEP === 0 ? 'q4_0' : 'f32');

/**
 * Throws BAD_USAGE for a `rank` that is wider than the model, or whose predictor takes as many bytes as the gate that
 * it stands for: the gate is exact.
 */
export function checkRank({ spec, layers }: Pick<Store, 'spec' | 'layers'>, rank: number): void {
  const most = Math.min(...layers.map(mostRank));
  if (rank <= most) return;
  const why =
    rank > spec.hiddenSize
      ? `the layers of this model are ${spec.hiddenSize} wide`
      : 'its predictors would take as much memory as the exact gates that they stand for';
  const accepted = most < RANK_STEP ? 'this model is too small for predictors' : `${most} is the highest that can pay`;
  throw new FlashrowError('BAD_USAGE', `\`rank: ${rank}\` is too high: ${why}; ${accepted}`, {
    option: 'rank',
    value: rank,
    accepted: `a multiple of ${RANK_STEP} up to ${most}`,
  });
}

function mostRank(layer: Store['layers'][number]): number {
  const { hiddenSize, numNeurons, formats } = layer;
  const format = predictorFormat(hiddenSize);
  const gateBytes = numNeurons * rowBytes(formats.gate ?? formats.up, hiddenSize);
  let rank = 0;
  while (rank + RANK_STEP <= hiddenSize && predictorBytes(rank + RANK_STEP, format, layer) < gateBytes)
    rank += RANK_STEP;
  return rank;
}
