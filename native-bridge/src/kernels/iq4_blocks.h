#pragma once

// Spreads IQ4_NL and IQ4_XS out to bytes and scales. native-bridge/iq4-blocks.ts describes the layouts.

#include "kernels/block_bytes.h"

namespace flashrow {
namespace {

/** The value of each four bits (ggml-common.h, kvalues_iq4nl). */
constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct BlockIQ4_NL {
  static constexpr size_t kWeights = 32, kBytes = 18, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    scales[0] = halfAt(from);
    lookUpNibbles(from + 2, kIq4Values, quants);
  }
};

struct BlockIQ4_XS {
  static constexpr size_t kWeights = 256, kBytes = 136, kRun = 32;
  static constexpr bool kHasMinima = false;

  /** Eight scales of six bits, less 32: two high bits each, then the low nibbles. */
  static void unpackScales(const uint8_t* from, float* scales) {
    const float scale = halfAt(from);
    uint16_t highs;
    std::memcpy(&highs, from + 2, 2);
    for (unsigned run = 0; run < 8; run++) {
      const int low = (from[4 + run / 2] >> (4 * (run % 2))) & 15;
      const int high = highs >> (2 * run) & 3;
      scales[run] = scale * static_cast<float>((low | high << 4) - 32);
    }
  }

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    unpackScales(from, scales);
    for (size_t run = 0; run < 8; run++) lookUpNibbles(from + 8 + 16 * run, kIq4Values, quants + 32 * run);
  }
};

}  // namespace
}  // namespace flashrow
