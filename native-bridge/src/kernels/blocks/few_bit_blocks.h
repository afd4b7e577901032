#pragma once

// Spreads Q1_0, Q2_0, TQ1_0, TQ2_0 and NVFP4 out to bytes and scales. native-bridge/few-bit-blocks.ts describes the
// layouts.

#include "kernels/blocks/block_bytes.h"
#include "kernels/blocks/grids.h"

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
#if defined(__AVX2__)
    for (size_t i = 0; i < 4; i++) {
      uint32_t signs;
      std::memcpy(&signs, from + 2 + 4 * i, 4);
      const __m256i set = spreadMask(signs), one = _mm256_set1_epi8(1);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants + 32 * i),
                          _mm256_or_si256(_mm256_andnot_si256(set, _mm256_set1_epi8(-1)), one));
    }
#else
    for (size_t k = 0; k < 16; k++) {
      // 0xff for a clear bit, and 1 for a set one.
      const uint64_t weights = ~kSignMasks[from[2 + k]] | 0x0101010101010101;
      std::memcpy(quants + 8 * k, &weights, 8);
    }
#endif
  }
};

struct BlockQ2_0 {
  static constexpr size_t kWeights = 64, kBytes = 18, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    sameScales<2>(halfAt(from), scales);
#if defined(__AVX2__)
    for (size_t i = 0; i < 64; i += 32) {
      const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + 2 + i / 4)));
      const __m256i pairs =
          _mm256_and_si256(_mm256_or_si256(bytes, _mm256_slli_epi32(bytes, 12)), _mm256_set1_epi32(0x000f000f));
      const __m256i weights =
          _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi32(pairs, 6)), _mm256_set1_epi8(3));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants + i), _mm256_sub_epi8(weights, _mm256_set1_epi8(1)));
    }
#else
    for (size_t k = 0; k < 16; k++) {
      const uint32_t byte = from[2 + k];
      const uint32_t pairs = (byte | byte << 12) & 0x000f000f;
      const uint32_t weights = (pairs | pairs << 6) & 0x03030303;
      std::memcpy(quants + 4 * k, &weights, 4);
    }
    for (size_t i = 0; i < 64; i++) quants[i] = static_cast<int8_t>(quants[i] - 1);
#endif
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
#if defined(__AVX2__)
  const auto digitOf = [](__m256i rest) {
    // The third of 256 in which a byte falls: each comparison that holds is -1.
    const __m256i aboveOne = _mm256_cmpeq_epi8(_mm256_max_epu8(rest, _mm256_set1_epi8(86)), rest);
    const __m256i aboveTwo = _mm256_cmpeq_epi8(_mm256_max_epu8(rest, _mm256_set1_epi8(-85)), rest);
    return _mm256_sub_epi8(_mm256_sub_epi8(_mm256_set1_epi8(-1), aboveOne), aboveTwo);
  };
  const auto threeTimes = [](__m256i rest) { return _mm256_add_epi8(_mm256_add_epi8(rest, rest), rest); };
  // As many digits at once as a register holds: copies of the bytes, each multiplied three times more.
  constexpr size_t kAtOnce = 32 / size;
  __m256i rest;
  if constexpr (size == 32) {
    rest = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  } else if constexpr (size == 16) {
    rest = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    rest = _mm256_blend_epi32(rest, threeTimes(rest), 0xf0);
  } else {
    static_assert(size == 4 && digits <= 4, "four digits of four bytes, half a register");
    int32_t word;
    std::memcpy(&word, from, 4);
    rest = _mm256_set1_epi32(word);
    rest = _mm256_blend_epi32(rest, threeTimes(rest), 0x0a);
    rest = _mm256_blend_epi32(rest, threeTimes(threeTimes(rest)), 0x0c);
  }
  for (size_t n = 0; n < digits; n += kAtOnce) {
    alignas(32) int8_t found[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(found), digitOf(rest));
    std::memcpy(into + n * size, found, (digits - n < kAtOnce ? digits - n : kAtOnce) * size);
    for (size_t i = 0; i < kAtOnce && n + kAtOnce < digits; i++) rest = threeTimes(rest);
  }
#else
  uint8_t rest[size];
  std::memcpy(rest, from, size);
  for (size_t n = 0; n < digits; n++, into += size) {
    for (size_t i = 0; i < size; i++) {
      // The third of 256 in which a byte falls; compared and added up, as bytes are not multiplied in vectors.
      into[i] = static_cast<int8_t>((rest[i] > 85 ? 1 : 0) + (rest[i] > 170 ? 1 : 0) - 1);
      rest[i] = static_cast<uint8_t>(rest[i] + rest[i] + rest[i]);
    }
  }
#endif
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

struct BlockNvfp4 {
  static constexpr size_t kWeights = 64, kBytes = 36, kRun = 16;
  static constexpr bool kHasMinima = false;

  /** Half of an unsigned E4M3, for the doubled values. Not a number (0x7f) is 0. */
  static float scaleOf(uint32_t byte) {
    if (byte == 0x7f) return 0;
    // Four bits of exponent and three of mantissa, at their places in a half that is 2^8 times too small. Also right
    // for what is subnormal in E4M3, as it is in halves. In floats it would be, too, but takes many times as long.
    const uint16_t bits = static_cast<uint16_t>((byte & 0x7f) << 7);
    return halfAt(reinterpret_cast<const uint8_t*>(&bits)) * 128;
  }

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    for (size_t run = 0; run < 4; run++) scales[run] = scaleOf(from[run]);
    for (size_t pair = 0; pair < 2; pair++) {
      // Low nibbles of both runs come first; they belong to the first halves of each.
#if defined(__AVX2__)
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 4 + 16 * pair));
      const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubled)), four = _mm_set1_epi8(15);
      const __m128i low = _mm_shuffle_epi8(table, _mm_and_si128(bytes, four));
      const __m128i high = _mm_shuffle_epi8(table, _mm_and_si128(_mm_srli_epi16(bytes, 4), four));
      __m128i* const into = reinterpret_cast<__m128i*>(quants + 32 * pair);
      _mm_storeu_si128(into, _mm_unpacklo_epi64(low, high));
      _mm_storeu_si128(into + 1, _mm_unpackhi_epi64(low, high));
#else
      int8_t values[32];
      lookUpNibbles(from + 4 + 16 * pair, kE2m1Doubled, values);
      for (size_t k = 0; k < 4; k++) {
        std::memcpy(quants + 32 * pair + 16 * (k % 2) + 8 * (k / 2), values + 8 * k, 8);
      }
#endif
    }
  }
};

}  // namespace
}  // namespace flashrow
