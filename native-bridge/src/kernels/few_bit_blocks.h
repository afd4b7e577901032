#pragma once

// Spreads Q1_0, Q2_0, TQ1_0, TQ2_0 and NVFP4 out to bytes and scales. native-bridge/few-bit-blocks.ts describes the
// layouts.

#include "kernels/block_bytes.h"
#include "kernels/grids.h"

namespace flashrow {
namespace {

template <size_t runs>
inline void sameScales(float scale, float* scales) {
  for (size_t run = 0; run < runs; run++) scales[run] = scale;
}

struct BlockQ1_0 {
  static constexpr size_t kWeights = 128, kBytes = 18, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    sameScales<4>(halfAt(from), scales);
    for (size_t k = 0; k < 16; k++) {
      // 0xff for a clear bit, and 1 for a set one.
      const uint64_t weights = ~kSignMasks[from[2 + k]] | 0x0101010101010101;
      std::memcpy(quants + 8 * k, &weights, 8);
    }
  }
};

struct BlockQ2_0 {
  static constexpr size_t kWeights = 64, kBytes = 18, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    sameScales<2>(halfAt(from), scales);
    for (size_t k = 0; k < 16; k++) {
      const uint32_t byte = from[2 + k];
      const uint32_t pairs = (byte | byte << 12) & 0x000f000f;
      const uint32_t weights = (pairs | pairs << 6) & 0x03030303;
      std::memcpy(quants + 4 * k, &weights, 4);
    }
    for (size_t i = 0; i < 64; i++) quants[i] = static_cast<int8_t>(quants[i] - 1);
  }
};

struct BlockTQ2_0 {
  static constexpr size_t kWeights = 256, kBytes = 66, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    sameScales<8>(halfAt(from + 64), scales);
    for (unsigned run = 0; run < 8; run++) {
      spreadBits<32>(from + 32 * (run / 4), 2 * (run % 4), 0x03030303, quants + 32 * run);
    }
    for (size_t i = 0; i < 256; i++) quants[i] = static_cast<int8_t>(quants[i] - 1);
  }
};

/** The first of `digits` digits in base 3 of `size` bytes, less 1, then the second ones, and so on. */
template <size_t size, size_t digits>
inline void spreadTernary(const uint8_t* from, int8_t* into) {
  uint8_t power = 1;
  for (size_t n = 0; n < digits; n++, power = static_cast<uint8_t>(3 * power)) {
    for (size_t i = 0; i < size; i++) {
      const uint8_t rest = static_cast<uint8_t>(from[i] * power);
      into[size * n + i] = static_cast<int8_t>((rest * 3 >> 8) - 1);
    }
  }
}

struct BlockTQ1_0 {
  static constexpr size_t kWeights = 256, kBytes = 54, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    sameScales<8>(halfAt(from + 52), scales);
    spreadTernary<32, 5>(from, quants);
    spreadTernary<16, 5>(from + 32, quants + 160);
    spreadTernary<4, 4>(from + 48, quants + 240);
  }
};

/** E2M1's values, doubled to be whole. */
constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct BlockNvfp4 {
  static constexpr size_t kWeights = 64, kBytes = 36, kRun = 16;
  static constexpr bool kHasMinima = false;

  /** Half of an unsigned E4M3, for the doubled values. Not a number (0x7f) is 0. */
  static float scaleOf(uint32_t byte) {
    if (byte == 0x7f) return 0;
    // Four bits of exponent and three of mantissa, at their places in a float32 that is 2^120 times too small. Also
    // right for what is subnormal in E4M3: it is in float32 too.
    const uint32_t bits = (byte & 0x7f) << 20;
    float small;
    std::memcpy(&small, &bits, 4);
    return small * 0x1p119f;
  }

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    for (size_t run = 0; run < 4; run++) scales[run] = scaleOf(from[run]);
    for (size_t pair = 0; pair < 2; pair++) {
      int8_t values[32];
      lookUpNibbles(from + 4 + 16 * pair, kE2m1Doubled, values);
      for (size_t k = 0; k < 4; k++) {
        // Low nibbles of both runs came first; they belong to the first halves of each.
        std::memcpy(quants + 32 * pair + 16 * (k % 2) + 8 * (k / 2), values + 8 * k, 8);
      }
    }
  }
};

}  // namespace
}  // namespace flashrow
