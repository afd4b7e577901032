#pragma once

// Spreads Q5_0 and Q5_1 out to bytes and scales. native-bridge/five-bit-blocks.ts describes the layouts.

#include "kernels/blocks/block_bytes.h"

namespace flashrow {
namespace {

/** Four bytes of fifth bits, then 16 of nibbles, the low ones first. A byte gets `set` or `clear` by its fifth bit. */
template <uint8_t set, uint8_t clear>
inline void expandFiveBits(const uint8_t* from, int8_t* quants) {
#if defined(__AVX2__)
  uint32_t fifths;
  std::memcpy(&fifths, from, 4);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 4));
  const __m256i nibbles = _mm256_and_si256(
      _mm256_inserti128_si256(_mm256_castsi128_si256(bytes), _mm_srli_epi16(bytes, 4), 1), _mm256_set1_epi8(15));
  const __m256i added = _mm256_blendv_epi8(_mm256_set1_epi8(static_cast<char>(clear)),
                                           _mm256_set1_epi8(static_cast<char>(set)), spreadMask(fifths));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants), _mm256_or_si256(nibbles, added));
#elif defined(__aarch64__)
  const uint8x16_t bytes = vld1q_u8(from + 4);
  const auto put = [&](uint8x16_t nibbles, size_t at) {
    uint16_t fifths;
    std::memcpy(&fifths, from + at / 8, 2);
    const uint8x16_t added = vbslq_u8(spreadMask(fifths), vdupq_n_u8(set), vdupq_n_u8(clear));
    vst1q_s8(quants + at, vreinterpretq_s8_u8(vorrq_u8(nibbles, added)));
  };
  put(vandq_u8(bytes, vdupq_n_u8(15)), 0);
  put(vshrq_n_u8(bytes, 4), 16);
#else
  spreadBits<16>(from + 4, 0, 0x0f0f0f0f, quants);
  spreadBits<16>(from + 4, 4, 0x0f0f0f0f, quants + 16);
  constexpr uint64_t ones = 0x0101010101010101;
  for (size_t i = 0; i < 32; i += 8) {
    // A byte's eight bits to the lowest bits of eight bytes: the product puts copies seven bits apart, and each bit 8i
    // of it is bit i of the byte.
    const uint64_t low = (from[i / 8] & 0x7fu) * uint64_t{0x0002040810204081} & ones;
    const uint64_t fifths = low | static_cast<uint64_t>(from[i / 8] >> 7) << 56;
    uint64_t eight;
    std::memcpy(&eight, quants + i, 8);
    eight |= fifths * set | (fifths ^ ones) * clear;
    std::memcpy(quants + i, &eight, 8);
  }
#endif
}

struct BlockQ5_0 {
  static constexpr size_t kWeights = 32, kBytes = 22, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    scales[0] = halfAt(from);
    // A clear fifth bit takes 16 away: in two's complement, bits 4 to 7 of the byte.
    expandFiveBits<0, 0xf0>(from + 2, quants);
  }
};

struct BlockQ5_1 {
  static constexpr size_t kWeights = 32, kBytes = 24, kRun = 32;
  static constexpr bool kHasMinima = true;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float* minima) {
    scales[0] = halfAt(from);
    minima[0] = -halfAt(from + 2);
    expandFiveBits<0x10, 0>(from + 4, quants);
  }
};

}  // namespace
}  // namespace flashrow
