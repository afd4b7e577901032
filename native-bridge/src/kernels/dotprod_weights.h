#pragma once

// Blocks of weights as signed bytes. Part of dotprod.cc.

#include <arm_neon.h>

#include "kernels/integer_products.h"

namespace flashrow {
namespace {

/** Columns 0 to 15, and 16 to 31; weight = scale * q, or as Also says, a minimum already negated. */
struct WeightBlock {
  int8x16_t first, second;
  float scale, also;
  /** Negated, of columns 0 to 15 and of 16 to 31, where these have one each. */
  float minima[2];
};

inline WeightBlock blockAt(const int8_t* quants, float scale, float also = 0) {
  return {vld1q_s8(quants), vld1q_s8(quants + 16), scale, also, {0, 0}};
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
          vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), offset),
          scale,
          also,
          {0, 0}};
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

/** Blocks of block_formats.h, spread out in memory first. */
template <class Block>
struct WeightsOf {
  static constexpr size_t kBytes = Block::kBytes, kStepBlocks = Block::kWeights / kBlock;
  static constexpr Also kAlso = alsoOf<Block>();
  template <class Visit>
  static void eachBlock(const uint8_t* from, const Visit& visit) {
    constexpr size_t kRuns = Block::kWeights / Block::kRun;
    alignas(16) int8_t quants[Block::kWeights];
    float scales[kRuns], minima[kRuns];
    Block::expand(from, quants, scales, minima);
    for (size_t i = 0; i < kStepBlocks; i++) {
      const size_t run = kBlock / Block::kRun * i;
      WeightBlock block = blockAt(quants + kBlock * i, scales[run]);
      if constexpr (kAlso == Also::Minimum) block.also = -minima[run];
      if constexpr (hasTwoScales(kAlso)) block.also = scales[run + 1];
      if constexpr (kAlso == Also::ScaleAndMinima) {
        block.minima[0] = -minima[run];
        block.minima[1] = -minima[run + 1];
      }
      visit(i, block);
    }
  }
};

}  // namespace
}  // namespace flashrow
