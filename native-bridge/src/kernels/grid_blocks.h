#pragma once

// Spreads the IQ types with grids out to bytes and scales. native-bridge/grid-blocks.ts describes the layouts.

#include "kernels/block_bytes.h"
#include "kernels/grids.h"

namespace flashrow {
namespace {

inline uint32_t wordAt(const uint8_t* from) {
  uint32_t word;
  std::memcpy(&word, from, 4);
  return word;
}

/** Eight weights above zero, each negated where its byte of the mask is 0xff. */
inline void putSigned(uint64_t point, uint64_t mask, int8_t* into) {
  // In two's complement. No byte is zero, so that none carries into the next.
  const uint64_t weights = (point ^ mask) + (mask & 0x0101010101010101);
  std::memcpy(into, &weights, 8);
}

/** scales[run] = factor * (1 + 2 * q), q the nibbles, the low one of a byte first. */
template <size_t runs>
inline void nibbleScales(const uint8_t* packed, float factor, float* scales) {
  for (size_t run = 0; run < runs; run += 2) {
    scales[run] = factor * static_cast<float>(1 + 2 * (packed[run / 2] & 15));
    scales[run + 1] = factor * static_cast<float>(1 + 2 * (packed[run / 2] >> 4));
  }
}

struct BlockIQ2_XXS {
  static constexpr size_t kWeights = 256, kBytes = 66, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    const float factor = halfAt(from) * 0.125f;
    for (size_t run = 0; run < 8; run++) {
      const uint8_t* points = from + 2 + 8 * run;
      const uint32_t signs = wordAt(points + 4);
      scales[run] = factor * static_cast<float>(1 + 2 * (signs >> 28));
      for (size_t k = 0; k < 4; k++) {
        putSigned(kGridIq2Xxs[points[k]], kEvenSignMasks[signs >> (7 * k) & 127], quants + 32 * run + 8 * k);
      }
    }
  }
};

struct BlockIQ2_XS {
  static constexpr size_t kWeights = 256, kBytes = 74, kRun = 16;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    nibbleScales<16>(from + 66, halfAt(from) * 0.125f, scales);
    for (size_t k = 0; k < 32; k++) {
      uint16_t word;
      std::memcpy(&word, from + 2 + 2 * k, 2);
      putSigned(kGridIq2Xs[word & 511], kEvenSignMasks[word >> 9], quants + 8 * k);
    }
  }
};

struct BlockIQ2_S {
  static constexpr size_t kWeights = 256, kBytes = 82, kRun = 16;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    nibbleScales<16>(from + 74, halfAt(from) * 0.125f, scales);
    for (size_t k = 0; k < 32; k++) {
      const size_t high = from[66 + k / 4] >> (2 * (k % 4)) & 3;
      putSigned(kGridIq2S[from[2 + k] | high << 8], kSignMasks[from[34 + k]], quants + 8 * k);
    }
  }
};

struct BlockIQ3_XXS {
  static constexpr size_t kWeights = 256, kBytes = 98, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    const float factor = halfAt(from) * 0.25f;
    for (size_t run = 0; run < 8; run++) {
      const uint8_t* points = from + 2 + 8 * run;
      const uint32_t signs = wordAt(from + 66 + 4 * run);
      scales[run] = factor * static_cast<float>(1 + 2 * (signs >> 28));
      for (size_t k = 0; k < 4; k++) {
        const uint64_t point = kGridIq3Xxs[points[2 * k]] | uint64_t{kGridIq3Xxs[points[2 * k + 1]]} << 32;
        putSigned(point, kEvenSignMasks[signs >> (7 * k) & 127], quants + 32 * run + 8 * k);
      }
    }
  }
};

struct BlockIQ3_S {
  static constexpr size_t kWeights = 256, kBytes = 110, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    nibbleScales<8>(from + 106, halfAt(from), scales);
    for (size_t k = 0; k < 32; k++) {
      const size_t high = from[66 + k / 4] >> (2 * (k % 4));
      const uint8_t* points = from + 2 + 2 * k;
      const uint64_t point = kGridIq3S[points[0] | (high & 1) << 8] | uint64_t{kGridIq3S[points[1] | (high & 2) << 7]}
                                                                          << 32;
      putSigned(point, kSignMasks[from[74 + k]], quants + 8 * k);
    }
  }
};

/** Eight times a point of -1, 0 and 1, plus 1 or minus 1, in eight bytes that are 9 too large. */
inline void putMoved(uint64_t point, bool down, int8_t* into) {
  const uint64_t weights = point - (down ? 0x0202020202020202 : 0);
  std::memcpy(into, &weights, 8);
}

inline void takeNine(int8_t* quants) {
  for (size_t i = 0; i < 256; i++) quants[i] = static_cast<int8_t>(quants[i] - 9);
}

struct BlockIQ1_S {
  static constexpr size_t kWeights = 256, kBytes = 50, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    const float factor = halfAt(from) * 0.125f;
    for (size_t run = 0; run < 8; run++) {
      uint16_t high;
      std::memcpy(&high, from + 34 + 2 * run, 2);
      scales[run] = factor * static_cast<float>(1 + 2 * (high >> 12 & 7));
      for (size_t k = 0; k < 4; k++) {
        const size_t point = from[2 + 4 * run + k] | (size_t{high} >> (3 * k) & 7) << 8;
        putMoved(kGridIq1[point], (high & 0x8000) != 0, quants + 32 * run + 8 * k);
      }
    }
    takeNine(quants);
  }
};

struct BlockIQ1_M {
  static constexpr size_t kWeights = 256, kBytes = 56, kRun = 16;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    uint16_t words[4];
    std::memcpy(words, from + 48, 8);
    const uint16_t half =
        static_cast<uint16_t>(words[0] >> 12 | (words[1] >> 12) << 4 | (words[2] >> 12) << 8 | (words[3] >> 12) << 12);
    const float factor = halfAt(reinterpret_cast<const uint8_t*>(&half)) * 0.125f;
    for (size_t run = 0; run < 16; run++) {
      scales[run] = factor * static_cast<float>(1 + 2 * (words[run / 4] >> (3 * (run % 4)) & 7));
    }
    for (size_t k = 0; k < 32; k++) {
      const size_t high = from[32 + k / 2] >> (4 * (k % 2));
      putMoved(kGridIq1[from[k] | (high & 7) << 8], (high & 8) != 0, quants + 8 * k);
    }
    takeNine(quants);
  }
};

}  // namespace
}  // namespace flashrow
