#pragma once

// Blocks of weights as signed bytes. Part of dotprod.cc.

#include <arm_neon.h>

#include "kernels/integer_products.h"
#include "kernels/super_blocks.h"

namespace flashrow {
namespace {

/** Columns 0 to 15, and 16 to 31; weight = scale * q, or as Also says, a minimum already negated. */
struct WeightBlock {
  int8x16_t first, second;
  float scale, also;
};

inline WeightBlock blockAt(const int8_t* quants, float scale, float also = 0) {
  return {vld1q_s8(quants), vld1q_s8(quants + 16), scale, also};
}

/** Each calls visit(i, block) for the kStepBlocks blocks of 32 in `kBytes` bytes. */
struct WeightsQ8_0 {
  static constexpr size_t kBytes = 34, kStepBlocks = 1;
  static constexpr Also kAlso = Also::Nothing;
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    visit(0, blockAt(reinterpret_cast<const int8_t*>(from + 2), halfAt(from)));
  }
};

/** 16 bytes of nibbles, the low ones first. */
inline WeightBlock nibblesAt(const uint8_t* from, int8_t bias, float scale, float also = 0) {
  const uint8x16_t bytes = vld1q_u8(from);
  const int8x16_t offset = vdupq_n_s8(bias);
  return {vsubq_s8(vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15))), offset),
          vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), offset), scale, also};
}

struct WeightsQ4_0 {
  static constexpr size_t kBytes = 18, kStepBlocks = 1;
  static constexpr Also kAlso = Also::Nothing;
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    visit(0, nibblesAt(from + 2, 8, halfAt(from)));
  }
};

struct WeightsQ4_1 {
  static constexpr size_t kBytes = 20, kStepBlocks = 1;
  static constexpr Also kAlso = Also::Minimum;
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    visit(0, nibblesAt(from + 4, 0, halfAt(from), halfAt(from + 2)));
  }
};

struct WeightsMxfp4 {
  static constexpr size_t kBytes = 17, kStepBlocks = 1;
  static constexpr Also kAlso = Also::Nothing;
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    alignas(16) int8_t quants[kBlock];
    expandMxfp4(from, quants);
    visit(0, blockAt(quants, mxfp4Scale(from)));
  }
};

template <class Super>
struct SuperWeights {
  static constexpr size_t kBytes = Super::kBytes, kStepBlocks = 8;
  static constexpr Also kAlso = Super::kHasMinima ? Also::Minimum : Also::Scale;
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    Super block;
    block.expand(from);
    for (size_t i = 0; i < kStepBlocks; i++) {
      const int8_t* quants = block.quants + kBlock * i;
      if constexpr (Super::kHasMinima) {
        visit(i, blockAt(quants, block.scales[i], -block.minima[i]));
      } else {
        visit(i, blockAt(quants, block.scales[2 * i], block.scales[2 * i + 1]));
      }
    }
  }
};

struct WeightsQ4_K : SuperWeights<BlockQ4_K> {};
struct WeightsQ5_K : SuperWeights<BlockQ5_K> {};
struct WeightsQ6_K : SuperWeights<BlockQ6_K> {};

}  // namespace
}  // namespace flashrow
