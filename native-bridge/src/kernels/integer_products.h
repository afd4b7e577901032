#pragma once

// The part of integer products that all instruction sets share. It has internal linkage, as everything in kernels.

#include <cstddef>

#include "kernels/block_formats.h"
#include "kernels/kernels.h"

namespace flashrow {
namespace {

/** Inputs that share a scale. */
constexpr size_t kBlock = kIntegerBlock;
/** 127 * 256 + 127: the largest whose high byte, rounded, still is a signed byte. */
constexpr float kLargest = 32639;
/** Blocks of smaller numbers than this are rounded to its steps: below, scales would lose bits of their own. */
constexpr float kLeastMaximum = 0x1p-90f;

/**
 * What a block of 32 weights has beside its scale: nothing, a minimum, a scale of their own for columns 16 to 31, or
 * such a scale and two minima.
 */
enum class Also { Nothing, Minimum, Scale, ScaleAndMinima };

constexpr bool hasTwoScales(Also also) { return also == Also::Scale || also == Also::ScaleAndMinima; }

template <class Block>
constexpr Also alsoOf() {
  if (Block::kRun == 16) return Block::kHasMinima ? Also::ScaleAndMinima : Also::Scale;
  return Block::kHasMinima ? Also::Minimum : Also::Nothing;
}

struct WeightsQ4_0;
struct WeightsQ4_1;
struct WeightsQ8_0;
struct WeightsMxfp4;
/** Blocks of block_formats.h, in the way that is best for the instruction set at hand. */
template <class Block>
struct WeightsOf;

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
    case Format::Q8_0: return use(Of<WeightsQ8_0>{});
    case Format::Mxfp4: return use(Of<WeightsMxfp4>{});
    default: return withBlock(format, [&](auto block) { use(Of<WeightsOf<decltype(block)>>{}); });
  }
}

inline bool takes(Format format) { return traitsOf(format).blockSize > 1; }

inline void put(const Products& out, size_t row, size_t token, float product) {
  float* into = out.base + token * out.stride + (out.index != nullptr ? out.index[row] : row);
  *into = out.add ? *into + product : product;
}

}  // namespace
}  // namespace flashrow
