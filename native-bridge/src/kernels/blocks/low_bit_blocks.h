#pragma once

// Spreads Q2_K and Q3_K out to bytes and scales. native-bridge/low-bit-blocks.ts describes the layouts.

#include "kernels/blocks/block_bytes.h"

namespace flashrow {
namespace {

struct BlockQ2_K {
  static constexpr size_t kWeights = 256, kBytes = 84, kRun = 16;
  static constexpr bool kHasMinima = true;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float* minima) {
    const float scale = halfAt(from + 80), minimum = halfAt(from + 82);
#if defined(__AVX2__)
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), low = _mm_set1_epi8(15);
    const auto put = [](__m128i nibbles, float factor, float* into) {
      const auto times = [&](__m128i eight) {
        return _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight)));
      };
      _mm256_storeu_ps(into, times(nibbles));
      _mm256_storeu_ps(into + 8, times(_mm_unpackhi_epi64(nibbles, nibbles)));
    };
    put(_mm_and_si128(packed, low), scale, scales);
    put(_mm_and_si128(_mm_srli_epi16(packed, 4), low), minimum, minima);
#else
    for (size_t run = 0; run < 16; run++) scales[run] = scale * static_cast<float>(from[run] & 15);
    for (size_t run = 0; run < 16; run++) minima[run] = minimum * static_cast<float>(from[run] >> 4);
#endif
    for (unsigned run = 0; run < 8; run++) {
      spreadBits<32>(from + 16 + 32 * (run / 4), 2 * (run % 4), 0x03030303, quants + 32 * run);
    }
  }
};

struct BlockQ3_K {
  static constexpr size_t kWeights = 256, kBytes = 110, kRun = 16;
  static constexpr bool kHasMinima = false;

  /** Sixteen scales of six bits in twelve bytes, less 32. */
  static void unpackScales(const uint8_t* packed, float scale, float* scales) {
    for (size_t run = 0; run < 16; run++) {
      const int low = (packed[run % 8] >> (4 * (run / 8))) & 15;
      const int high = (packed[8 + run % 4] >> (2 * (run / 4))) & 3;
      scales[run] = scale * static_cast<float>((low | high << 4) - 32);
    }
  }

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    unpackScales(from + 96, halfAt(from + 108), scales);
    for (unsigned run = 0; run < 8; run++) {
      const uint8_t* lower = from + 32 + 32 * (run / 4);
      int8_t* into = quants + 32 * run;
      for (size_t i = 0; i < 32; i += 4) {
        uint32_t low, thirds;
        std::memcpy(&low, lower + i, 4);
        std::memcpy(&thirds, from + i, 4);
        // A clear third bit takes 4 away: in two's complement, bits 2 to 7 of the byte.
        const uint32_t taken = (~thirds >> run & 0x01010101) * 0xfc;
        const uint32_t word = (low >> (2 * (run % 4)) & 0x03030303) | taken;
        std::memcpy(into + i, &word, 4);
      }
    }
  }
};

}  // namespace
}  // namespace flashrow
