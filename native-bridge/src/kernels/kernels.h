#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"
#include "kernels/two_bit_tiles.h"

namespace flashrow {

/** Scratch of one kernel call in bytes, 64-aligned. */
constexpr size_t kKernelScratchBytes = 320 * 1024;

/** Inputs as integers: this many share a scale, and take so many bytes together. */
constexpr size_t kIntegerBlock = 32, kIntegerBlockBytes = 80;

/** Rows of weights in memory: row i begins at `list[i]`, or at `base + i * stride` where there is no list. */
struct Rows {
  const uint8_t* base = nullptr;
  size_t stride = 0;
  const uint8_t* const* list = nullptr;

  const uint8_t* at(size_t i) const { return list != nullptr ? list[i] : base + i * stride; }
  Rows from(size_t i) const {
    return list != nullptr ? Rows{nullptr, 0, list + i} : Rows{base + i * stride, stride, nullptr};
  }
};

/** The product of row i and token t goes to `base[t * stride + (index ? index[i] : i)]`, replacing or adding. */
struct Products {
  float* base;
  size_t stride;
  const uint32_t* index = nullptr;
  bool add = false;
};

/**
 * Products in integers, for the formats that have them. Inputs become 16-bit integers once per call, with a scale for
 * each 32 (an error of 2e-5 of their root mean square), and the sums over 32 columns are exact.
 */
struct IntegerKernels {
  bool (*takes)(Format format);
  /** Bytes of x[tokens, columns] as integers. */
  size_t (*inputBytes)(size_t columns, size_t tokens);
  /**
   * Writes tokens `begin` to `end` of x[tokens, columns] (token t at x + t * xStride) to `into`, which is 64-aligned
   * and has room for all tokens.
   */
  void (*quantize)(const float* x, size_t xStride, size_t columns, size_t tokens, size_t begin, size_t end,
                   uint8_t* into);
  /** As Kernels::dots, with the integers that `quantize` wrote. */
  void (*dots)(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
               const Products& out, void* scratch);
  /** As Kernels::addTwoBitTile. */
  void (*addTwoBitTile)(const uint8_t* tile, const TwoBitInputs& x, float* sums);
};

/**
 * One token through `columns` columns of a head's matrix S[rows, stride]: with d = weight * v, or where `delta` d =
 * weight * (v - decay * S^T k), S becomes decay * S + k d^T, and out = S^T q. `from` may be `to`. `out` may be null.
 */
struct RecurrenceStep {
  const float* from;
  float* to;
  size_t stride, rows, columns;
  const float* q;
  const float* k;
  const float* v;
  float decay, weight;
  bool delta;
  float* out;
};

/**
 * The kernels of one instruction set. Within a set, each result depends on its own row and token alone: never on how
 * many rows or tokens are computed together, nor on their order. Sets may differ from each other in the last bits.
 */
struct Kernels {
  /** Products of `count` rows of `columns` weights with x[tokens, columns] (token t at x + t * xStride). */
  void (*dots)(Format format, const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride,
               size_t tokens, const Products& out, void* scratch);
  /**
   * y[t, o] += h[t, j] * row_j[o], j ascending, for columns `begin` <= o < `end`. Both are multiples of 32, or `end` is
   * the end of the row. A row whose h is zero for a token adds nothing to it.
   */
  void (*addScaledRows)(Format format, const Rows& rows, size_t count, const float* h, size_t hStride, size_t begin,
                        size_t end, float* y, size_t yStride, size_t tokens, void* scratch);
  /** The weights of one row as floats. */
  void (*decodeRow)(Format format, const uint8_t* row, size_t columns, float* into);
  /** scores[i] <- exp(scale * (scores[i] - max)); returns their sum. */
  float (*exponentials)(float* scores, size_t count, float scale);
  /**
   * out[t * outStride + r] = the number of columns, out of `columns`, in which row r of `signs` and token t of `inputs`
   * have the same bit. Both take `words` words a row, in which bits beyond the columns are 0.
   */
  void (*agreements)(const uint32_t* signs, size_t rows, size_t words, size_t columns, const uint32_t* inputs,
                     size_t tokens, float* out, size_t outStride);
  void (*recur)(const RecurrenceStep& step);
  /** sums[TwoBitTile::kRows] += the products of a tile, which is 64-aligned. */
  void (*addTwoBitTile)(const uint8_t* tile, const TwoBitInputs& x, float* sums);
  /** Null where products are of floats alone. */
  const IntegerKernels* integers = nullptr;

  /** Whether products with rows of this format want integers. */
  bool wantsIntegers(Format format) const { return integers != nullptr && integers->takes(format); }
  /** The best `addTwoBitTile` there is. */
  auto twoBitTileAdder() const { return integers != nullptr ? integers->addTwoBitTile : addTwoBitTile; }
};

const Kernels& portableKernels();

/** Null where this build or this processor lacks AVX2, FMA or F16C. */
const Kernels* avx2Kernels();

/** Null where this build or this processor lacks AVX-512 F, BW, VL or DQ. */
const Kernels* avx512Kernels();

/** Null where this build or this processor lacks AVX-512 VNNI. Beside avx512Kernels alone. */
const IntegerKernels* vnniKernels();

/** Null on anything but 64-bit ARM. */
const Kernels* neonKernels();

/** Null where this build or this processor lacks ARMv8.2's dot products. Beside neonKernels alone. */
const IntegerKernels* dotprodKernels();

}  // namespace flashrow
