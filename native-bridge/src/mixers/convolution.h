#pragma once

#include <cstddef>

#include "thread_pool.h"

namespace flashrow {

/** A causal convolution of each channel by itself. contract/recurrence.ts (ConvolutionCall) documents the fields. */
struct Convolution {
  const float* from;
  float* to;
  size_t tokens, channels, kernel;
  bool silu;
  const float* inputs;
  size_t stride;
  /** [kernel, channels] */
  const float* weights;
  /** [channels]; null without one. */
  const float* bias;
  /** [tokens, channels]; null where the columns alone are wanted. */
  float* out;
};

void runConvolution(ThreadPool& pool, const Convolution& call);

}  // namespace flashrow
