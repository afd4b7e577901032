#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

/** IntegerKernels::quantize of all tokens, on as many threads as that is worth. */
inline void quantizeInputs(ThreadPool& pool, const IntegerKernels& kernels, const float* x, size_t xStride,
                           size_t columns, size_t tokens, uint8_t* into) {
  const size_t threads = tokens == 1 ? 1 : threadsFor(pool, columns * sizeof(float), tokens);
  pool.run(threads, [&](size_t thread, size_t numThreads) {
    const Share share(tokens, 1, thread, numThreads);
    kernels.quantize(x, xStride, columns, tokens, share.begin, share.end, into);
  });
}

}  // namespace flashrow
