import { BridgeError, type LowRankTrainer, type LowRankTrainerOptions } from './bridge.js';

/**
 * The data of a step: `a` [rank, hiddenSize], `b` [numNeurons, rank] and `bias` [numNeurons], each with Adam's two
 * moments behind it in the same array.
 */
export interface LowRankStep {
  hiddenSize: number;
  numNeurons: number;
  rank: number;
  /** Values, first moments, second moments: [3, size]. */
  a: Float32Array;
  b: Float32Array;
  bias: Float32Array;
  /** How much a sample counts where its neuron is active, and where it is not. */
  positiveWeight: number;
  negativeWeight: number;
  learningRate: number;
  /** Steps so far, this one included. */
  step: number;
}

/** Changes the parameters by one step over `samples` rows and returns the loss before it. */
export type LowRankKernel = (step: LowRankStep, x: Float32Array, active: Uint8Array, samples: number) => number;

/** Adam (arXiv 1412.6980) with its authors' constants. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Starts from the same parameters on every instruction set; `kernel` does the numbers. Throws BridgeError USAGE. */
export function createTrainer(options: LowRankTrainerOptions, kernel: LowRankKernel): LowRankTrainer {
  const { hiddenSize, numNeurons, rank, activeShare, seed } = options;
  for (const size of [hiddenSize, numNeurons, rank])
    if (!Number.isSafeInteger(size) || size < 1 || size > 2 ** 24)
      throw new BridgeError(
        'USAGE',
        `hiddenSize, rank and numNeurons must be from 1 to 2^24, not ${hiddenSize}, ${rank} and ${numNeurons}`,
      );
  if (!(activeShare > 0 && activeShare < 1))
    throw new BridgeError('USAGE', `activeShare must be above 0 and below 1, not ${activeShare}`);
  const random = uniform(seed);
  const start = (rows: number, columns: number) => {
    const values = new Float32Array(3 * rows * columns);
    const scale = Math.sqrt(3 / columns);
    for (let i = 0; i < rows * columns; i++) values[i] = scale * random();
    return values;
  };
  const state: LowRankStep = {
    hiddenSize,
    numNeurons,
    rank,
    a: start(rank, hiddenSize),
    b: start(numNeurons, rank),
    bias: new Float32Array(3 * numNeurons),
    // Each class weighs as much as the other, however rare one is.
    positiveWeight: 0.5 / activeShare,
    negativeWeight: 0.5 / (1 - activeShare),
    learningRate: 0,
    step: 0,
  };
  return {
    a: state.a.subarray(0, rank * hiddenSize),
    b: state.b.subarray(0, numNeurons * rank),
    bias: state.bias.subarray(0, numNeurons),
    train(x, active, samples, learningRate) {
      if (!Number.isSafeInteger(samples) || samples < 1)
        throw new BridgeError('USAGE', `${samples} is not a number of samples`);
      if (x.length < samples * hiddenSize || active.length < samples * Math.ceil(numNeurons / 8))
        throw new BridgeError('USAGE', `x and active do not hold ${samples} samples`);
      if (!(learningRate > 0)) throw new BridgeError('USAGE', `learningRate must be above 0, not ${learningRate}`);
      state.step += 1;
      state.learningRate = learningRate;
      return kernel(state, x, active, samples);
    },
  };
}

/** Uniform in (-1, 1): mulberry32. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
