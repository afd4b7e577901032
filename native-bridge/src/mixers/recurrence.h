#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

/** Tokens through the matrices of all heads of one layer: RecurrenceCall in contract/recurrence.ts. */
struct Recurrence {
  const float* from;
  float* to;
  size_t tokens, heads, keyHeads, keyDim, valueDim;
  bool tiled, delta;
  /** [tokens, stride]; heads of queries, keys and values begin at these columns. */
  const float* inputs;
  size_t stride, queriesAt, keysAt, valuesAt;
  /** [tokens, heads] each. */
  const float* decays;
  const float* weights;
  /** [tokens, heads * valueDim]; null where the state alone is wanted. */
  float* out;
};

/** Heads and columns are independent of each other, so that threads share them out and change no bit. */
void runRecurrence(ThreadPool& pool, const Kernels& kernels, const Recurrence& call);

}  // namespace flashrow
