export interface LowRankTrainerOptions {
  hiddenSize: number;
  numNeurons: number;
  rank: number;
  /**
   * Share of the (sample, neuron) pairs that are active, above 0 and below 1: the loss gives both classes the same
   * weight.
   */
  activeShare: number;
  /** Same seed, same parameters to begin with. */
  seed: number;
}

/** Fits B (A x) + bias to which neurons are active, by the balanced logistic loss of arXiv 2312.11514 and Adam. */
export interface LowRankTrainer {
  /** A [rank, hiddenSize], B [numNeurons, rank] and bias [numNeurons] as trained so far. */
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly bias: Float32Array;
  /**
   * One step of `learningRate` on x[samples, hiddenSize] against the bits active[samples, ceil(numNeurons / 8)] (neuron
   * n: bit n % 8 of byte floor(n / 8)). Returns the mean loss before it. The result is the same for any number of
   * threads. Takes 8 bytes per sample and neuron meanwhile.
   */
  train(x: Float32Array, active: Uint8Array, samples: number, learningRate: number): number;
}
