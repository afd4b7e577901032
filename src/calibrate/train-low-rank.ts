import type { Bridge, LowRankTrainer } from '../../native-bridge/bridge.js';
import type { ActiveSet } from './active-set.js';
import type { LayerInputs } from './layer-inputs.js';

/** Tokens of one step. */
export const BATCH_TOKENS = 256;
/**
 * Neighbouring tokens that are read at once. A batch mixes such runs, so that inputs on disk are not read row by row.
 */
const RUN_TOKENS = 8;
/** The learning rate at the first step. */
const FIRST_RATE = 4e-3;

export interface LowRankOptions {
  rank: number;
  /** Tokens [0, trainTokens) are trained on. */
  trainTokens: number;
  /** Steps of BATCH_TOKENS tokens each, in passes over all training tokens. */
  steps: number;
  /** The same seed gives the same result with any number of threads. */
  seed: number;
  /** Called after each step with the share that is done. It throws to stop. */
  onStep: (done: number) => void;
}

/**
 * Trains a layer's predictor of one rank as in "LLM in a flash" (arXiv 2312.11514, 3.1): from the network's input
 * through `rank` products to a score for each neuron, against the neurons that were active. The loss is logistic and
 * balanced, the optimizer is Adam, and the rate falls to nothing along a half cosine.
 */
export function trainLowRank(
  bridge: Bridge,
  inputs: LayerInputs,
  active: ActiveSet,
  options: LowRankOptions,
): LowRankTrainer {
  const { rank, trainTokens, steps, seed, onStep } = options;
  const { hiddenSize } = inputs;
  const { numNeurons, rowBytes } = active;
  // A layer whose neurons are never active, or always, still trains: its bias alone then decides.
  const activeShare = Math.min(
    1 - 1e-6,
    Math.max(1e-6, active.activations(0, trainTokens) / (trainTokens * numNeurons)),
  );
  const trainer = bridge.createLowRankTrainer({ hiddenSize, numNeurons, rank, activeShare, seed });
  const x = new Float32Array(BATCH_TOKENS * hiddenSize);
  const bits = new Uint8Array(BATCH_TOKENS * rowBytes);
  const runs = Math.ceil(trainTokens / RUN_TOKENS);
  const order = Uint32Array.from({ length: runs }, (_, i) => i);
  const random = randomIntegers(seed);
  const runsPerStep = BATCH_TOKENS / RUN_TOKENS;
  const stepsPerPass = Math.ceil(runs / runsPerStep);
  for (let step = 0; step < steps; step++) {
    const from = (step % stepsPerPass) * runsPerStep;
    if (from === 0) shuffle(order, random);
    let samples = 0;
    for (const run of order.subarray(from, from + runsPerStep)) {
      const first = run * RUN_TOKENS;
      const count = Math.min(RUN_TOKENS, trainTokens - first);
      inputs.read(first, count, x, samples * hiddenSize);
      bits.set(active.bits.subarray(first * rowBytes, (first + count) * rowBytes), samples * rowBytes);
      samples += count;
    }
    trainer.train(x, bits, samples, FIRST_RATE * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
    onStep((step + 1) / steps);
  }
  return trainer;
}

/** Shuffles in place (Fisher and Yates). */
function shuffle(order: Uint32Array, random: (below: number) => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
}

/** A source of whole numbers below a bound: xorshift32 (Marsaglia 2003). */
function randomIntegers(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}
