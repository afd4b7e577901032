#pragma once

// The part of integer products that all instruction sets share. It has internal linkage, as everything in kernels.

#include <cstddef>

#include "kernels/kernels.h"

namespace flashrow {
namespace {

/** Inputs that share a scale. */
constexpr size_t kBlock = kIntegerBlock;
/** 127 * 256 + 127: the largest whose high byte, rounded, still is a signed byte. */
constexpr float kLargest = 32639;
/** Blocks of smaller numbers than this are rounded to its steps: below, scales would lose bits of their own. */
constexpr float kLeastMaximum = 0x1p-90f;

/** The second number of a block of weights, beside its scale: none, a minimum, or a scale for columns 16 to 31. */
enum class Also { Nothing, Minimum, Scale };

struct WeightsQ4_0;
struct WeightsQ4_1;
struct WeightsQ8_0;
struct WeightsQ4_K;
struct WeightsQ5_K;
struct WeightsQ6_K;
struct WeightsMxfp4;

template <class T>
struct Of {
  using Weights = T;
};

/** Calls use(Of<Weights>{}) for the format, with what the instruction set at hand defines as its weights. */
template <class Use>
void withWeights(Format format, const Use& use) {
  switch (format) {
    case Format::Q4_0: return use(Of<WeightsQ4_0>{});
    case Format::Q4_1: return use(Of<WeightsQ4_1>{});
    case Format::Q4_K: return use(Of<WeightsQ4_K>{});
    case Format::Q5_K: return use(Of<WeightsQ5_K>{});
    case Format::Q6_K: return use(Of<WeightsQ6_K>{});
    case Format::Mxfp4: return use(Of<WeightsMxfp4>{});
    default: return use(Of<WeightsQ8_0>{});
  }
}

inline bool takes(Format format) { return traitsOf(format).blockSize > 1; }

inline void put(const Products& out, size_t row, size_t token, float product) {
  float* into = out.base + token * out.stride + (out.index != nullptr ? out.index[row] : row);
  *into = out.add ? *into + product : product;
}

}  // namespace
}  // namespace flashrow
