import { appendFileSync, writeFileSync } from 'node:fs';
import { quantize } from '../../native-bridge/blocks.js';
import type { Bridge, LowRankTrainer } from '../../native-bridge/bridge.js';
import { type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import type { ActiveSet } from './active-set.js';
import type { LayerInputs } from './layer-inputs.js';
import { type Division, ThresholdHistogram } from './threshold-histogram.js';
import { BATCH_TOKENS, trainLowRank } from './train-low-rank.js';

/**
 * Passes over the tokens: LEAST_PASSES if that makes ENOUGH_STEPS steps. Fewer tokens get more passes, up to
 * MOST_PASSES; after that they have nothing left to tell (bench/EXPERIMENTS.md, PREDICTOR-02).
 */
const LEAST_PASSES = 10;
const MOST_PASSES = 40;
const ENOUGH_STEPS = 1600;
/** Tokens scored at once. */
const SCORE_TOKENS = 128;

export interface TrainOptions {
  /** Tokens [0, trainTokens) are trained on; the others are held out to measure on. */
  trainTokens: number;
  /** The threshold misses at most this share of the active neurons of the held-out tokens. */
  falseNegativeRate: number;
  /** The ranks to try, ascending. A higher one is taken as long as it pays. */
  ranks: readonly number[];
  /** The most bytes that the predictor may take in memory. The lowest rank is taken even if it needs more. */
  maxBytes: number;
  /** The bytes of a predictor of some rank in `format`. */
  predictorBytes: (rank: number) => number;
  format: RowFormat & ('f32' | 'q4_0');
  /** Bytes read to load one neuron. */
  bundleBytes: number;
  seed: number;
  /** A file that trial predictors are loaded from. */
  scratchPath: string;
  /**
   * Called after each step with the rank at work, and the share of the layer that is done, were all ranks tried that
   * fit. It throws to stop.
   */
  onStep: (rank: number, done: number) => void;
}

/** A predictor as it is written. */
export interface TrainedLayer {
  rank: number;
  threshold: number;
  division: Division;
  /** [rank, hiddenSize], in the format. */
  inner: Uint8Array;
  /** [numNeurons, rank], in the format. */
  outer: Uint8Array;
  /** [numNeurons]. */
  bias: Float32Array;
}

/**
 * Trains a layer's predictors of rising rank, and measures each in the format in which it will run. A higher rank is
 * taken as long as it saves a token more bytes of rows than it adds to the predictor, which every token reads.
 */
export function trainLayer(
  bridge: Bridge,
  inputs: LayerInputs,
  active: ActiveSet,
  options: TrainOptions,
): TrainedLayer {
  const { trainTokens, ranks, maxBytes, predictorBytes, bundleBytes, seed, onStep } = options;
  const passes = (count: number) => Math.ceil((count * trainTokens) / BATCH_TOKENS);
  const steps = Math.max(passes(LEAST_PASSES), Math.min(ENOUGH_STEPS, passes(MOST_PASSES)));
  const activePerToken = active.activations(trainTokens, active.tokens) / (inputs.tokens - trainTokens);
  const fitting = ranks.filter((rank, i) => i === 0 || predictorBytes(rank) <= maxBytes);
  // A step takes about as long as its rank is high.
  const work = fitting.reduce((sum, rank) => sum + rank, 0);
  let worked = 0;
  let best: TrainedLayer | null = null;
  for (const rank of fitting) {
    const trainer = trainLowRank(bridge, inputs, active, {
      rank,
      trainTokens,
      steps,
      seed,
      onStep: (done) => onStep(rank, (worked + rank * done) / work),
    });
    worked += rank;
    const trained = packAndMeasure(bridge, inputs, active, trainer, rank, options);
    if (best) {
      const saved = (best.division.load - trained.division.load) * activePerToken * bundleBytes;
      if (saved < predictorBytes(rank) - predictorBytes(best.rank)) break;
    }
    best = trained;
  }
  return best!;
}

/** Packs a trained predictor, loads it as it will run, and chooses its threshold on the held-out tokens. */
function packAndMeasure(
  bridge: Bridge,
  inputs: LayerInputs,
  active: ActiveSet,
  trainer: LowRankTrainer,
  rank: number,
  { format, scratchPath, trainTokens, falseNegativeRate }: TrainOptions,
): TrainedLayer {
  const { hiddenSize } = inputs;
  const { numNeurons } = active;
  const packed = { inner: pack(format, trainer.a), outer: pack(format, trainer.b), bias: trainer.bias };
  writeFileSync(scratchPath, packed.inner);
  appendFileSync(scratchPath, packed.outer);
  const histogram = new ThresholdHistogram();
  const inner = bridge.loadMatrix({
    ...{ path: scratchPath, offset: 0, rowStride: rowBytes(format, hiddenSize) },
    ...{ rows: rank, columns: hiddenSize, format },
  });
  const outer = bridge.loadMatrix({
    ...{ path: scratchPath, offset: packed.inner.length, rowStride: rowBytes(format, rank) },
    ...{ rows: numNeurons, columns: rank, format },
  });
  try {
    const x = new Float32Array(SCORE_TOKENS * hiddenSize);
    const hidden = new Float32Array(SCORE_TOKENS * rank);
    const scores = new Float32Array(SCORE_TOKENS * numNeurons);
    for (let first = trainTokens; first < inputs.tokens; first += SCORE_TOKENS) {
      const tokens = Math.min(SCORE_TOKENS, inputs.tokens - first);
      inputs.read(first, tokens, x, 0);
      inner.matmul(x, tokens, hidden);
      outer.matmul(hidden, tokens, scores);
      for (let token = 0; token < tokens; token++) {
        for (let n = 0; n < numNeurons; n++)
          histogram.add(scores[token * numNeurons + n] + trainer.bias[n], active.has(first + token, n));
      }
    }
  } finally {
    inner.dispose();
    outer.dispose();
  }
  const threshold = histogram.threshold(falseNegativeRate);
  return { rank, threshold, division: histogram.at(threshold), ...packed };
}

function pack(format: TrainOptions['format'], values: Float32Array): Uint8Array {
  const packed = new Uint8Array(rowBytes(format, values.length));
  quantize(format, values, 0, values.length, packed, 0);
  return packed;
}
