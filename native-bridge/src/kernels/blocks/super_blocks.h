#pragma once

// Spreads Q4_K, Q5_K, Q6_K and OCP's MXFP4 out to bytes and scales. Part of shared.h: it is compiled once for each
// instruction set, whose compiler turns these loops into its own vectors. native-bridge/super-blocks.ts describes the
// layouts.

#include <cstddef>
#include <cstdint>

#include "kernels/blocks/block_bytes.h"

namespace flashrow {
namespace {

/** The six-bit scales and minima of eight runs, packed into twelve bytes; taken apart four at a time. */
inline void unpackScales(const uint8_t* packed, float scale, float minimum, float* scales, float* minima) {
  uint32_t words[3];
  std::memcpy(words, packed, 12);
  const auto lower = [](uint32_t sixes) { return sixes & 0x3f3f3f3f; };
  const auto upper = [](uint32_t fours, uint32_t sixes) { return (fours & 0x0f0f0f0f) | (sixes >> 2 & 0x30303030); };
  const uint32_t scaleBytes[2] = {lower(words[0]), upper(words[2], words[0])};
  const uint32_t minimumBytes[2] = {lower(words[1]), upper(words[2] >> 4, words[1])};
  timesBytes<8>(scale, reinterpret_cast<const uint8_t*>(scaleBytes), scales);
  timesBytes<8>(minimum, reinterpret_cast<const uint8_t*>(minimumBytes), minima);
}

struct BlockQ4_K {
  static constexpr size_t kWeights = 256, kBytes = 144, kRun = 32;
  static constexpr bool kHasMinima = true;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float* minima) {
    unpackScales(from + 4, halfAt(from), halfAt(from + 2), scales, minima);
    for (size_t pair = 0; pair < 4; pair++) {
      const uint8_t* nibbles = from + 16 + 32 * pair;
      int8_t* into = quants + 64 * pair;
      spreadBits<32>(nibbles, 0, 0x0f0f0f0f, into);
      spreadBits<32>(nibbles, 4, 0x0f0f0f0f, into + 32);
    }
  }
};

struct BlockQ5_K {
  static constexpr size_t kWeights = 256, kBytes = 176, kRun = 32;
  static constexpr bool kHasMinima = true;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float* minima) {
    unpackScales(from + 4, halfAt(from), halfAt(from + 2), scales, minima);
    const uint8_t* fifths = from + 16;
    for (size_t pair = 0; pair < 4; pair++) {
      const uint8_t* nibbles = from + 48 + 32 * pair;
      int8_t* into = quants + 64 * pair;
      for (size_t i = 0; i < 32; i += 4) {
        uint32_t bits, four;
        std::memcpy(&four, nibbles + i, 4);
        std::memcpy(&bits, fifths + i, 4);
        bits >>= 2 * pair;
        const uint32_t low = (four & 0x0f0f0f0f) | (bits & 0x01010101) << 4;
        const uint32_t high = (four >> 4 & 0x0f0f0f0f) | (bits & 0x02020202) << 3;
        std::memcpy(into + i, &low, 4);
        std::memcpy(into + i + 32, &high, 4);
      }
    }
  }
};

struct BlockQ6_K {
  static constexpr size_t kWeights = 256, kBytes = 210, kRun = 16;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    const float scale = halfAt(from + 208);
    for (size_t run = 0; run < 16; run++) {
      scales[run] = scale * static_cast<float>(static_cast<int8_t>(from[192 + run]));
    }
    for (size_t half = 0; half < 2; half++) {
      const uint8_t* low = from + 64 * half;
      const uint8_t* high = from + 128 + 32 * half;
      int8_t* into = quants + 128 * half;
      for (size_t i = 0; i < 32; i++) {
        into[i] = static_cast<int8_t>(((low[i] & 15) | ((high[i] & 3) << 4)) - 32);
        into[i + 32] = static_cast<int8_t>(((low[i + 32] & 15) | ((high[i] >> 2 & 3) << 4)) - 32);
        into[i + 64] = static_cast<int8_t>(((low[i] >> 4) | ((high[i] >> 4 & 3) << 4)) - 32);
        into[i + 96] = static_cast<int8_t>(((low[i + 32] >> 4) | ((high[i] >> 6) << 4)) - 32);
      }
    }
  }
};

#if !defined(__AVX2__) && !defined(__aarch64__)
/** As kE2m1Doubled. Computed, not looked up: arithmetic vectorizes. */
inline int8_t e2m1Doubled(uint8_t bits) {
  const int8_t magnitude = static_cast<int8_t>(bits & 7);
  const int8_t above4 = static_cast<int8_t>(magnitude > 4 ? magnitude - 4 : 0);
  const int8_t above6 = static_cast<int8_t>(magnitude > 6 ? magnitude - 6 : 0);
  const int8_t value = static_cast<int8_t>(magnitude + above4 + 2 * above6);
  return static_cast<int8_t>((bits & 8) != 0 ? -value : value);
}
#endif

inline void expandMxfp4(const uint8_t* from, int8_t* values) {
#if defined(__AVX2__) || defined(__aarch64__)
  lookUpNibbles(from + 1, kE2m1Doubled, values);
#else
  for (size_t i = 0; i < 16; i++) {
    values[i] = e2m1Doubled(from[1 + i] & 15);
    values[i + 16] = e2m1Doubled(from[1 + i] >> 4);
  }
#endif
}

/** 2^(e - 128): half of what E8M0 says, for the doubled values. */
inline float mxfp4Scale(const uint8_t* from) {
  const uint32_t exponent = from[0];
  const uint32_t bits = exponent < 2 ? uint32_t{0x00200000} << exponent : (exponent - 1) << 23;
  float scale;
  std::memcpy(&scale, &bits, 4);
  return scale;
}

}  // namespace
}  // namespace flashrow
