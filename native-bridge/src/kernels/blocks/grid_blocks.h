#pragma once

// Spreads the IQ types with grids out to bytes and scales. native-bridge/grid-blocks.ts describes the layouts.

#include "kernels/blocks/block_bytes.h"
#include "kernels/blocks/grids.h"

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

/** Four points of eight weights above zero, each negated where its bit of `signs` is set. */
inline void putSigned(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint32_t signs, int8_t* into) {
#if defined(__AVX2__)
  const __m256i points = _mm256_set_epi64x(static_cast<long long>(d), static_cast<long long>(c),
                                           static_cast<long long>(b), static_cast<long long>(a));
  const __m256i negative = spreadMask(signs);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(into), _mm256_sub_epi8(_mm256_xor_si256(points, negative), negative));
#elif defined(__aarch64__)
  const auto put = [&](uint64_t first, uint64_t second, size_t at) {
    const uint8x16_t points = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(first), vcreate_u64(second)));
    const uint8x16_t negative = spreadMask(static_cast<uint16_t>(signs >> at));
    vst1q_s8(into + at, vreinterpretq_s8_u8(vsubq_u8(veorq_u8(points, negative), negative)));
  };
  put(a, b, 0);
  put(c, d, 16);
#else
  const uint64_t points[4] = {a, b, c, d};
  for (size_t k = 0; k < 4; k++) putSigned(points[k], kSignMasks[signs >> (8 * k) & 0xff], into + 8 * k);
#endif
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
    for (size_t i = 0; i < 8; i++) {
      const size_t high = from[66 + i];
      const auto point = [&](size_t k) { return kGridIq2S[from[2 + 4 * i + k] | (high << (8 - 2 * k) & 0x300)]; };
      putSigned(point(0), point(1), point(2), point(3), wordAt(from + 34 + 4 * i), quants + 32 * i);
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
    for (size_t run = 0; run < 8; run++) {
      const size_t high = from[66 + run];
      const auto point = [&](size_t k) {
        const uint8_t* two = from + 2 + 8 * run + 2 * k;
        const size_t ninths = high << (8 - 2 * k);
        return kGridIq3S[two[0] | (ninths & 0x100)] | uint64_t{kGridIq3S[two[1] | (ninths >> 1 & 0x100)]} << 32;
      };
      putSigned(point(0), point(1), point(2), point(3), wordAt(from + 74 + 4 * run), quants + 32 * run);
    }
  }
};

/** Four points of IQ1, which stand 9 too large: bit 4k + 3 of `down` says that point k is moved down by 2. */
inline void putMoved(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint32_t down, int8_t* into) {
#if defined(__AVX2__)
  const __m256i points = _mm256_set_epi64x(static_cast<long long>(d), static_cast<long long>(c),
                                           static_cast<long long>(b), static_cast<long long>(a));
  const __m256i bit = _mm256_setr_epi64x(0x8, 0x80, 0x800, 0x8000);
  const __m256i moved = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(down), bit), bit);
  const __m256i taken = _mm256_add_epi8(_mm256_set1_epi8(9), _mm256_and_si256(moved, _mm256_set1_epi8(2)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(into), _mm256_sub_epi8(points, taken));
#else
  const uint64_t points[4] = {a, b, c, d};
  for (size_t k = 0; k < 4; k++) {
    // Without a branch, which nothing could foresee.
    const uint64_t moved = points[k] - (down >> (4 * k + 3) & 1) * 0x0202020202020202;
    std::memcpy(into + 8 * k, &moved, 8);
  }
  for (size_t i = 0; i < 32; i++) into[i] = static_cast<int8_t>(into[i] - 9);
#endif
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
      const auto point = [&](size_t k) { return kGridIq1[from[2 + 4 * run + k] | (size_t{high} >> (3 * k) & 7) << 8]; };
      putMoved(point(0), point(1), point(2), point(3), (high >> 15) * 0x8888u, quants + 32 * run);
    }
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
    for (size_t i = 0; i < 8; i++) {
      uint16_t high;
      std::memcpy(&high, from + 32 + 2 * i, 2);
      const auto point = [&](size_t k) { return kGridIq1[from[4 * i + k] | (size_t{high} >> (4 * k) & 7) << 8]; };
      putMoved(point(0), point(1), point(2), point(3), high, quants + 32 * i);
    }
  }
};

}  // namespace
}  // namespace flashrow
