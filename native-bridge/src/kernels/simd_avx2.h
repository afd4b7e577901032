#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace flashrow {
namespace {

/** Eight floats in one AVX2 register. */
struct Simd {
  using F = __m256;
  static constexpr size_t kLanes = 8;
  static constexpr size_t kRowTile = 3;
  static constexpr size_t kTokenTile = 4;
  /** Columns tile of the scaled-row sum: tokens by vectors. */
  static constexpr size_t kSumTokens = 3;
  /** Rows side by side in a sum for one token. */
  static constexpr size_t kSumRowsAtOnce = 4;

  static F zero() { return _mm256_setzero_ps(); }
  static F set(float value) { return _mm256_set1_ps(value); }
  static F load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* into, F value) { _mm256_storeu_ps(into, value); }
  static F loadFirst(const float* from, size_t count) { return _mm256_maskload_ps(from, firstLanes(count)); }
  static void storeFirst(float* into, F value, size_t count) { _mm256_maskstore_ps(into, firstLanes(count), value); }

  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F subtract(F a, F b) { return _mm256_sub_ps(a, b); }
  static F multiply(F a, F b) { return _mm256_mul_ps(a, b); }
  /** a * b + c */
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  /** scale * q + offset, scale a half and q of few bits. */
  static F affine(F scale, F q, F offset) { return fma(scale, q, offset); }
  /** b where either is NaN. */
  static F max(F a, F b) { return _mm256_max_ps(a, b); }

  static float sum(F v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }

  /** Two halves, each in all lanes. */
  static void loadHalfPair(const uint8_t* from, F& first, F& second) {
    int32_t bits;
    std::memcpy(&bits, from, 4);
    const __m128 pair = _mm_cvtph_ps(_mm_cvtsi32_si128(bits));
    first = _mm256_broadcastss_ps(pair);
    second = _mm256_broadcastss_ps(_mm_movehdup_ps(pair));
  }
  /** A half in all lanes; four bytes can be read. */
  static F loadHalf(const uint8_t* from) {
    F first, second;
    loadHalfPair(from, first, second);
    return first;
  }
  static F loadHalves(const uint8_t* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  /** Eight bfloat16: the upper halves of floats. */
  static F loadBfloats(const uint8_t* from) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  /** Eight 16-bit integers. */
  static F loadIntegers(const uint8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static F loadSignedBytes(const uint8_t* from) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight(from))); }
  /** Eight bytes: level(q - bias) of their low nibbles q and of their high ones. */
  template <class Level>
  static void loadNibbles(const uint8_t* from, int bias, const Level& level, F& low, F& high) {
    const __m256i bytes = _mm256_cvtepu8_epi32(eight(from));
    const __m256i offset = _mm256_set1_epi32(bias);
    low = level(_mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_and_si256(bytes, _mm256_set1_epi32(15)), offset)));
    high = level(_mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bytes, 4), offset)));
  }
  /** 2^n, for floats that hold n (-126 to 127) in their lowest mantissa bits, as adding 1.5 * 2^23 leaves them. */
  static F powerOfTwo(F shifted) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(127)), 23));
  }
  /** value where bound <= test, else 0 (NaN counts as not less). */
  static F zeroBelow(F test, float bound, F value) {
    return _mm256_and_ps(_mm256_cmp_ps(test, _mm256_set1_ps(bound), _CMP_NLT_UQ), value);
  }

 private:
  static __m128i eight(const uint8_t* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }
  static __m256i firstLanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace
}  // namespace flashrow
