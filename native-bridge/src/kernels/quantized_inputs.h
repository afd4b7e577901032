#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

/**
 * Inputs of one or several tasks as integers, in runs of columns that follow one another. Several tokens' are made by
 * all threads together. One token's each thread makes for itself: what another core has just written comes slowly, and
 * integers with their scales and sums are many more bytes than the numbers that they are made of (KERNEL-15).
 */
class QuantizedInputs {
 public:
  /** x[tokens, runs * columns], token t at x + t * xStride. It stays as it is as long as threads ask for inputs. */
  struct Source {
    const float* x;
    size_t xStride, columns, runs, tokens;
  };

  /** Bytes of memory that `begin` wants. */
  static size_t bytes(const ThreadPool& pool, const IntegerKernels& kernels, const Source& source);
  /** `memory` is 64-aligned. Between tasks. */
  void begin(ThreadPool& pool, const IntegerKernels& kernels, const Source& source, uint8_t* memory);
  /** From one run's inputs to the next one's. */
  size_t bytesOfRun() const { return bytesOfRun_; }
  /** The inputs for a thread of a task. */
  const uint8_t* of(size_t thread) const;

 private:
  void quantize(size_t run, size_t begin, size_t end, uint8_t* into) const;

  const IntegerKernels* kernels_ = nullptr;
  Source source_{};
  uint8_t* memory_ = nullptr;
  size_t bytesOfRun_ = 0;
};

}  // namespace flashrow
