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
    uint8_t nibbles[2][16];
    spreadBits<16>(from, 0, 0x0f0f0f0f, reinterpret_cast<int8_t*>(nibbles[0]));
    spreadBits<16>(from, 4, 0x0f0f0f0f, reinterpret_cast<int8_t*>(nibbles[1]));
    timesBytes<16>(scale, nibbles[0], scales);
    timesBytes<16>(minimum, nibbles[1], minima);
    for (unsigned run = 0; run < 8; run++) {
      spreadBits<32>(from + 16 + 32 * (run / 4), 2 * (run % 4), 0x03030303, quants + 32 * run);
    }
  }
};

struct BlockQ3_K {
  static constexpr size_t kWeights = 256, kBytes = 110, kRun = 16;
  static constexpr bool kHasMinima = false;

  /** Sixteen scales of six bits in twelve bytes, less 32; taken apart four at a time. */
  static void unpackScales(const uint8_t* packed, float scale, float* scales) {
    uint32_t words[3], bytes[4];
    std::memcpy(words, packed, 12);
    for (unsigned i = 0; i < 4; i++) {
      bytes[i] = (words[i % 2] >> (4 * (i / 2)) & 0x0f0f0f0f) | (words[2] >> (2 * i) & 0x03030303) << 4;
    }
    timesBytes<16, 32>(scale, reinterpret_cast<const uint8_t*>(bytes), scales);
  }

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    unpackScales(from + 96, halfAt(from + 108), scales);
    for (unsigned run = 0; run < 8; run++) {
      int8_t* into = quants + 32 * run;
      spreadBits<32>(from + 32 + 32 * (run / 4), 2 * (run % 4), 0x03030303, into);
      // A clear third bit takes 4 away: in two's complement, bits 2 to 7 of the byte.
#if defined(__AVX2__)
      const __m256i thirds = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      const __m256i bit = _mm256_set1_epi8(static_cast<char>(1 << run));
      const __m256i taken = _mm256_andnot_si256(_mm256_cmpeq_epi8(_mm256_and_si256(thirds, bit), bit),
                                                _mm256_set1_epi8(static_cast<char>(0xfc)));
      __m256i* const at = reinterpret_cast<__m256i*>(into);
      _mm256_storeu_si256(at, _mm256_or_si256(_mm256_loadu_si256(at), taken));
#else
      for (size_t i = 0; i < 32; i += 4) {
        uint32_t low, thirds;
        std::memcpy(&low, into + i, 4);
        std::memcpy(&thirds, from + i, 4);
        low |= (~thirds >> run & 0x01010101) * 0xfc;
        std::memcpy(into + i, &low, 4);
      }
#endif
    }
  }
};

}  // namespace
}  // namespace flashrow
