#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace flashrow {
namespace {

/** Sixteen floats in one AVX-512 register. */
struct Simd {
  using F = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr size_t kRowTile = 6;
  static constexpr size_t kTokenTile = 4;
  static constexpr size_t kSumTokens = 4;
  static constexpr size_t kSumRowsAtOnce = 8;

  static F zero() { return _mm512_setzero_ps(); }
  static F set(float value) { return _mm512_set1_ps(value); }
  static F load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* into, F value) { _mm512_storeu_ps(into, value); }
  static F loadFirst(const float* from, size_t count) { return _mm512_maskz_loadu_ps(firstLanes(count), from); }
  static void storeFirst(float* into, F value, size_t count) { _mm512_mask_storeu_ps(into, firstLanes(count), value); }

  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F subtract(F a, F b) { return _mm512_sub_ps(a, b); }
  static F multiply(F a, F b) { return _mm512_mul_ps(a, b); }
  /** a * b + c */
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  /**
   * scale * q + offset, for a scale that is a half and a q of few bits. Their product is exact, so that this rounds
   * once as well. Additions have units of their own, and either operation takes its broadcast straight from memory.
   */
  static F affine(F scale, F q, F offset) { return add(multiply(scale, q), offset); }
  /** b where either is NaN. */
  static F max(F a, F b) { return _mm512_max_ps(a, b); }

  static float sum(F v) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }

  /** Two halves, each in all lanes; eight bytes can be read. */
  static void loadHalfPair(const uint8_t* from, F& first, F& second) {
    float pair[4];
    spill(from, pair);
    first = set(pair[0]);
    second = set(pair[1]);
  }
  /** A half in all lanes; eight bytes can be read. */
  static F loadHalf(const uint8_t* from) {
    float pair[4];
    spill(from, pair);
    return set(pair[0]);
  }
  static F loadHalves(const uint8_t* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  /** Sixteen bfloat16: the upper halves of floats. */
  static F loadBfloats(const uint8_t* from) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  /** Sixteen 16-bit integers. */
  static F loadIntegers(const uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
  }
  static F loadSignedBytes(const uint8_t* from) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(sixteen(from))); }
  /**
   * Sixteen bytes: level(q - bias) of their low nibbles q and of their high ones, by which the sixteen possible levels
   * are indexed.
   */
  template <class Level>
  static void loadNibbles(const uint8_t* from, int bias, const Level& level, F& low, F& high) {
    const __m512i all = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const F levels = level(_mm512_cvtepi32_ps(_mm512_sub_epi32(all, _mm512_set1_epi32(bias))));
    // A permutation looks at the lowest four bits alone.
    const __m512i bytes = _mm512_cvtepu8_epi32(sixteen(from));
    low = _mm512_permutexvar_ps(bytes, levels);
    high = _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), levels);
  }
  /** 2^n, for floats that hold n (-126 to 127) in their lowest mantissa bits, as adding 1.5 * 2^23 leaves them. */
  static F powerOfTwo(F shifted) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(127)), 23));
  }
  /** value where bound <= test, else 0 (NaN counts as not less). */
  static F zeroBelow(F test, float bound, F value) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(test, _mm512_set1_ps(bound), _CMP_NLT_UQ), value);
  }

 private:
  /** Halves as floats in memory: a broadcast from there is no shuffle, and shuffles are what decoding is short of. */
  static void spill(const uint8_t* from, float (&into)[4]) {
    _mm_storeu_ps(into, _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    // Else the compiler sees through the store, and shuffles.
    asm("" : "+m"(into));
  }
  static __m128i sixteen(const uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
  static __mmask16 firstLanes(size_t count) { return static_cast<__mmask16>((1u << count) - 1); }
};

}  // namespace
}  // namespace flashrow
