import { appendFileSync, writeFileSync } from 'node:fs';
import { quantize } from '../../native-bridge/blocks.js';
import type { Bridge, LowRankTrainer } from '../../native-bridge/bridge.js';
import { type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import type { ActiveSet } from './active-set.js';
import { BATCH_TOKENS, fitLowRank } from './fit-low-rank.js';
import type { LayerInputs } from './layer-inputs.js';
import { type Division, ScoreHistogram } from './score-histogram.js';

/** Passes over the tokens: ten where that is enough steps, more where the tokens are few, until they have nothing left to tell (bench/EXPERIMENTS.md, PREDICTOR-02). */
const LEAST_PASSES = 10;
const MOST_PASSES = 40;
const ENOUGH_STEPS = 1600;
/** Tokens scored at once. */
const SCORE_TOKENS = 128;

export interface TrainOptions {
  /** Tokens [0, trainTokens) are learnt from, the others only measured on. */
  trainTokens: number;
  /** The threshold lets at most this share of the held-out active neurons go. */
  falseNegativeRate: number;
  /** Ascending; a higher one is taken as long as it pays. */
  ranks: readonly number[];
  /** What the predictor may take in memory; the lowest rank is taken whatever it takes. */
  maxBytes: number;
  /** Bytes of a predictor of some rank in `format`. */
  predictorBytes: (rank: number) => number;
  format: RowFormat & ('f32' | 'q4_0');
  /** What loading one neuron costs, bytes. */
  bundleBytes: number;
  seed: number;
  /** A file to try predictors from. */
  scratchPath: string;
  /** Called after each step with the share that is done of the rank at work; throws to stop. */
  onStep: (rank: number, done: number) => void;
}

export interface TrainedLayer {
  rank: number;
  threshold: number;
  division: Division;
  /** [rank, hiddenSize], in the format. */
  inner: Uint8Array;
  /** [numNeurons, rank]. */
  outer: Uint8Array;
  /** [numNeurons]. */
  bias: Float32Array;
}

/**
 * Trains predictors of rising rank, and judges each in the format in which it will run. The higher rank is taken while the rows that it keeps a token
 * from loading weigh more than what it adds to the predictor, which every token reads.
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
  const awakePerToken = awake(active, trainTokens) / (inputs.tokens - trainTokens);
  let best: TrainedLayer | null = null;
  for (const rank of ranks) {
    if (best && predictorBytes(rank) > maxBytes) break;
    const trainer = fitLowRank(bridge, inputs, active, {
      rank,
      trainTokens,
      steps,
      seed,
      onStep: (done) => onStep(rank, done),
    });
    const trained = judge(bridge, inputs, active, trainer, rank, options);
    if (best) {
      const saved = (best.division.load - trained.division.load) * awakePerToken * bundleBytes;
      if (saved < predictorBytes(rank) - predictorBytes(best.rank)) break;
    }
    best = trained;
  }
  return best!;
}

function awake(active: ActiveSet, first: number): number {
  return active.counts(first, active.tokens).reduce((sum, count) => sum + count, 0);
}

function judge(
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
  const histogram = new ScoreHistogram();
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
    const codes = new Float32Array(SCORE_TOKENS * rank);
    const scores = new Float32Array(SCORE_TOKENS * numNeurons);
    for (let first = trainTokens; first < inputs.tokens; first += SCORE_TOKENS) {
      const tokens = Math.min(SCORE_TOKENS, inputs.tokens - first);
      inputs.read(first, tokens, x, 0);
      inner.matmul(x, tokens, codes);
      outer.matmul(codes, tokens, scores);
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
