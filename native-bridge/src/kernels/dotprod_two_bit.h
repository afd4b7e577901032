#pragma once

// Products of tiles (kernels/two_bit_tiles.h). Part of dotprod.cc.

#include <arm_neon.h>

#include <cstring>

#include "kernels/two_bit_tiles.h"

namespace flashrow {
namespace {

/** Four rows at a time. */
inline void addTwoBitTile(const uint8_t* tile, const TwoBitInputs& x, float* sums) {
  for (size_t r = 0; r < TwoBitTile::kRows; r += 4) {
    int32x4_t products = vdupq_n_s32(0), minima = vdupq_n_s32(0);
    for (size_t run = 0; run < TwoBitTile::kRuns; run++) {
      const uint8x16_t quants = vld1q_u8(tile + 64 * run + 4 * r);
      const size_t eight = 64 * (run / 8), ofEight = run % 8;
      int32x4_t levels = vdupq_n_s32(0);
      for (size_t k = 0; k < 4; k++) {
        int32_t four;
        std::memcpy(&four, x.quants + TwoBitTile::kRun * run + 4 * k, 4);
        const uint8x16_t shifted = vshlq_u8(quants, vdupq_n_s8(static_cast<int8_t>(-2 * static_cast<int>(k))));
        const int8x16_t pairs = vreinterpretq_s8_u8(vandq_u8(shifted, vdupq_n_u8(3)));
        levels = vdotq_s32(levels, pairs, vreinterpretq_s8_s32(vdupq_n_s32(four)));
      }
      const auto nibbles = [&](size_t at, size_t bit) {
        const uint32x4_t of = vreinterpretq_u32_u8(vld1q_u8(tile + at + eight + 4 * r));
        const uint32x4_t shifted = vshlq_u32(of, vdupq_n_s32(-static_cast<int>(bit)));
        return vreinterpretq_s32_u32(vandq_u32(shifted, vdupq_n_u32(15)));
      };
      products = vmlaq_s32(products, levels, nibbles(TwoBitTile::kStepsAt, 4 * ofEight));
      minima = vmlaq_s32(minima, nibbles(TwoBitTile::kMinimaAt, 16 * (ofEight % 2) + 4 * (ofEight / 2)),
                         vdupq_n_s32(x.sums[run]));
    }
    const auto scaled = [&](int32x4_t of, size_t factorsAt) {
      const float16x4_t halves = vreinterpret_f16_u8(vld1_u8(tile + factorsAt + 2 * r));
      return vmulq_f32(vcvt_f32_f16(halves), vcvtq_f32_s32(of));
    };
    const float32x4_t below = scaled(minima, TwoBitTile::kMinimumFactorsAt);
    const float32x4_t weighed = vsubq_f32(scaled(products, TwoBitTile::kStepFactorsAt), below);
    vst1q_f32(sums + r, vfmaq_f32(vld1q_f32(sums + r), vdupq_n_f32(x.scale), weighed));
  }
}

}  // namespace
}  // namespace flashrow
