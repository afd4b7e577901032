#pragma once

// Inputs as 16-bit integers. Part of dotprod.cc.

#include <arm_neon.h>

#include <limits>

#include "kernels/integer_products.h"

namespace flashrow {
namespace {

/**
 * 32 inputs of a token: x = scale * q, q = 256 * high + low. Both are signed bytes, so that products with bytes make
 * products with q.
 */
struct InputBlock {
  int8_t high[kBlock], low[kBlock];
  float scale;
  /** scale * the sum of all q: what a minimum is multiplied with. */
  float total;
  /** The same of inputs 0 to 15, and of 16 to 31. */
  float halfTotals[2];
};
static_assert(sizeof(InputBlock) == kIntegerBlockBytes, "plans reckon with this size");

/** The lowest byte of each. */
inline int8x8_t lowestBytes(int32x4_t a, int32x4_t b) { return vmovn_s16(vcombine_s16(vmovn_s32(a), vmovn_s32(b))); }

inline void quantizeBlock(const float* x, InputBlock& into) {
  float32x4_t sizes = vdupq_n_f32(0);
  // Not a number, once met, stays.
  for (size_t i = 0; i < kBlock; i += 4) sizes = vmaxq_f32(sizes, vabsq_f32(vld1q_f32(x + i)));
  const float largest = vmaxvq_f32(sizes);
  if (!(largest <= std::numeric_limits<float>::max())) {
    // Whatever is multiplied with such a block is not a number.
    into = {};
    into.scale = into.total = into.halfTotals[0] = into.halfTotals[1] = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const float maximum = largest > kLeastMaximum ? largest : kLeastMaximum;
  const float inverse = kLargest / maximum;
  int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
  for (size_t i = 0; i < kBlock; i += 8) {
    const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
    const int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), inverse));
    const int32x4_t half = vdupq_n_s32(128);
    vst1_s8(into.high + i, lowestBytes(vshrq_n_s32(vaddq_s32(a, half), 8), vshrq_n_s32(vaddq_s32(b, half), 8)));
    // The lowest byte of q is that of q - 256 * high.
    vst1_s8(into.low + i, lowestBytes(a, b));
    sums[i / 16] = vaddq_s32(sums[i / 16], vaddq_s32(a, b));
  }
  into.scale = maximum / kLargest;
  for (size_t half = 0; half < 2; half++) {
    into.halfTotals[half] = into.scale * static_cast<float>(vaddvq_s32(sums[half]));
  }
  into.total = into.scale * static_cast<float>(vaddvq_s32(vaddq_s32(sums[0], sums[1])));
}

size_t inputBytes(size_t columns, size_t tokens) { return tokens * (columns / kBlock) * sizeof(InputBlock); }

void quantize(const float* x, size_t xStride, size_t columns, size_t, size_t begin, size_t end, uint8_t* into) {
  const size_t blocks = columns / kBlock;
  InputBlock* const inputs = reinterpret_cast<InputBlock*>(into);
  for (size_t t = begin; t < end; t++) {
    for (size_t b = 0; b < blocks; b++) quantizeBlock(x + t * xStride + b * kBlock, inputs[t * blocks + b]);
  }
}

}  // namespace
}  // namespace flashrow
