#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

/** One step of training a predictor B (A x) + bias. Parameters are [3, size]: the values, and Adam's two moments. */
struct LowRankStep {
  size_t hiddenSize, numNeurons, rank;
  /** A [rank, hiddenSize] */
  float* a;
  /** B [numNeurons, rank] */
  float* b;
  /** [numNeurons] */
  float* bias;
  /** How much a sample counts where its neuron is active, and where it is not. */
  double positiveWeight, negativeWeight;
  double learningRate;
  /** Steps so far, this one included. */
  double step;
};

/**
 * Changes the parameters by one step of Adam on the weighted logistic loss of x[samples, hiddenSize] against the bits
 * active[samples, ceil(numNeurons / 8)]. Returns that loss, averaged over samples and neurons. The result is the same
 * for any number of threads. Takes 8 bytes per sample and neuron meanwhile.
 */
double trainLowRank(ThreadPool& pool, const Kernels& kernels, const LowRankStep& step, const float* x,
                    const uint8_t* active, size_t samples);

}  // namespace flashrow
