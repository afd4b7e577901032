#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace flashrow {

/** What one kernel call may use beside its arguments, 64-aligned. */
constexpr size_t kKernelScratchBytes = 320 * 1024;

/** Rows of weights in memory: row i begins at `list[i]`, or at `base + i * stride` where there is no list. */
struct Rows {
  const uint8_t* base = nullptr;
  size_t stride = 0;
  const uint8_t* const* list = nullptr;

  const uint8_t* at(size_t i) const { return list != nullptr ? list[i] : base + i * stride; }
  Rows from(size_t i) const { return list != nullptr ? Rows{nullptr, 0, list + i} : Rows{base + i * stride, stride, nullptr}; }
};

/** Where the product of row i and token t goes: `base[t * stride + (index ? index[i] : i)]`, replacing or adding. */
struct Products {
  float* base;
  size_t stride;
  const uint32_t* index = nullptr;
  bool add = false;
};

/**
 * One instruction set's kernels. Within a set, each result depends on its own row and token alone: never on how many rows or
 * tokens are computed together, nor on their order. Sets may differ from each other in the last bits.
 */
struct Kernels {
  /** Products of `count` rows of `columns` weights with x[tokens, columns] (token t at x + t * xStride). */
  void (*dots)(Format format, const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride,
               size_t tokens, const Products& out, void* scratch);
  /**
   * y[t, o] += h[t, j] * row_j[o], j ascending, for columns `begin` <= o < `end`. Both are multiples of 32, or `end` is the row's end.
   * Rows whose h is zero for a token add nothing to it.
   */
  void (*addScaledRows)(Format format, const Rows& rows, size_t count, const float* h, size_t hStride, size_t begin,
                        size_t end, float* y, size_t yStride, size_t tokens, void* scratch);
  /** The weights of one row as floats. */
  void (*decodeRow)(Format format, const uint8_t* row, size_t columns, float* into);
  /** scores[i] <- exp(scale * (scores[i] - max)); returns their sum. */
  float (*exponentials)(float* scores, size_t count, float scale);
};

const Kernels& portableKernels();

/** Null where this build or this processor lacks AVX2, FMA or F16C. */
const Kernels* avx2Kernels();

/** Null where this build or this processor lacks AVX-512 F, BW, VL or DQ. */
const Kernels* avx512Kernels();

}  // namespace flashrow
