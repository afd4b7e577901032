#pragma once

// What the blocks of many formats are made of: halves, and quants of a few bits. Compiled once for each instruction
// set.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace flashrow {
namespace {

#if defined(__aarch64__)
/** GCC before 13 knows no _Float16 in C++ for ARM. */
using Half = __fp16;
#else
using Half = _Float16;
#endif

inline float halfAt(const uint8_t* from) {
  Half half;
  std::memcpy(&half, from, 2);
  return static_cast<float>(half);
}

/**
 * into[i] = (from[i] >> shift) & mask for `count` bytes. `mask` has the bits of one byte, in each of four. Without
 * vectors of its own a compiler finds some, but other ones in every place: once it took seven times as long.
 */
template <size_t count>
inline void spreadBits(const uint8_t* from, unsigned shift, uint32_t mask, int8_t* into) {
  static_assert(count % 16 == 0, "whole vectors");
#if defined(__AVX2__)
  if constexpr (count == 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(into),
                        _mm256_and_si256(_mm256_srli_epi16(bytes, static_cast<int>(shift)),
                                         _mm256_set1_epi32(static_cast<int32_t>(mask))));
  } else {
    for (size_t i = 0; i < count; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      _mm_storeu_si128(
          reinterpret_cast<__m128i*>(into + i),
          _mm_and_si128(_mm_srli_epi16(bytes, static_cast<int>(shift)), _mm_set1_epi32(static_cast<int32_t>(mask))));
    }
  }
#elif defined(__aarch64__)
  for (size_t i = 0; i < count; i += 16) {
    const uint8x16_t shifted = vshlq_u8(vld1q_u8(from + i), vdupq_n_s8(static_cast<int8_t>(-static_cast<int>(shift))));
    vst1q_s8(into + i, vreinterpretq_s8_u8(vandq_u8(shifted, vreinterpretq_u8_u32(vdupq_n_u32(mask)))));
  }
#else
  for (size_t i = 0; i < count; i += 4) {
    uint32_t word;
    std::memcpy(&word, from + i, 4);
    word = (word >> shift) & mask;
    std::memcpy(into + i, &word, 4);
  }
#endif
}

/** into[i] = factor * (bytes[i] - bias) for `count` bytes. */
template <size_t count, int bias = 0>
inline void timesBytes(float factor, const uint8_t* bytes, float* into) {
  static_assert(count % 8 == 0, "whole vectors");
#if defined(__AVX2__)
  for (size_t i = 0; i < count; i += 8) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes + i));
    _mm256_storeu_ps(
        into + i, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(eight),
                                                                                            _mm256_set1_epi32(bias)))));
  }
#else
  for (size_t i = 0; i < count; i++) into[i] = factor * static_cast<float>(bytes[i] - bias);
#endif
}

#if defined(__AVX2__)
/** 0xff in byte i where bit i is set, else 0. */
inline __m256i spreadMask(uint32_t bits) {
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m256i bytes =
      _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int32_t>(bits)),
                          _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
}
#elif defined(__aarch64__)
/** 0xff in byte i where bit i is set, else 0. */
inline uint8x16_t spreadMask(uint16_t bits) {
  const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  return vtstq_u8(vcombine_u8(vdup_n_u8(static_cast<uint8_t>(bits)), vdup_n_u8(static_cast<uint8_t>(bits >> 8))), bit);
}
#endif

/** Sixteen bytes of nibbles as entries of a table of 16: those of the low ones, then those of the high ones. */
inline void lookUpNibbles(const uint8_t* from, const int8_t (&table)[16], int8_t* into) {
#if defined(__AVX2__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), low = _mm_set1_epi8(15);
  const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(into), _mm_shuffle_epi8(entries, _mm_and_si128(bytes, low)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(into + 16),
                   _mm_shuffle_epi8(entries, _mm_and_si128(_mm_srli_epi16(bytes, 4), low)));
#elif defined(__aarch64__)
  const uint8x16_t bytes = vld1q_u8(from);
  const int8x16_t entries = vld1q_s8(table);
  vst1q_s8(into, vqtbl1q_s8(entries, vandq_u8(bytes, vdupq_n_u8(15))));
  vst1q_s8(into + 16, vqtbl1q_s8(entries, vshrq_n_u8(bytes, 4)));
#else
  for (size_t i = 0; i < 16; i++) {
    into[i] = table[from[i] & 15];
    into[i + 16] = table[from[i] >> 4];
  }
#endif
}

/** The values of E2M1 (OCP Microscaling Formats 1.0), doubled to be whole, in the order of their bits. */
constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace
}  // namespace flashrow
