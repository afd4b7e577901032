#pragma once

// Blocks of weights as integers. Part of vnni.cc.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/integer_products.h"

namespace flashrow {
namespace {

/** Words `at` + i, i < 8, in lane j where `at` is the lane's entry. */
inline __m512i eightWordsEach(short lane0, short lane1, short lane2, short lane3) {
  const __m512i starts = _mm512_inserti64x4(
      _mm512_castsi256_si512(
          _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(lane0)), _mm_set1_epi16(lane1), 1)),
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(lane2)), _mm_set1_epi16(lane3), 1), 1);
  return _mm512_add_epi16(starts, _mm512_broadcast_i32x4(_mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7)));
}

/** Four times each of four words, in the lower half; the same of their followers in the upper half. */
inline __m512i fourTimesEach(short word0, short word1, short word2, short word3) {
  const __m256i words = _mm256_setr_epi16(word0, word0, word0, word0, word1, word1, word1, word1,  //
                                          word2, word2, word2, word2, word3, word3, word3, word3);
  return _mm512_inserti64x4(_mm512_castsi256_si512(words), _mm256_add_epi16(words, _mm256_set1_epi16(1)), 1);
}

/** A block of 16 rows, a row in each element; pairs of columns in the order of ManyTokensBlock. */
struct PanelBlock {
  __m512i pairs[16];
  __m512 scale, also;
  /** Negated, of columns 0 to 15 and of 16 to 31, where these have one each. */
  __m512 minima[2];
};

/**
 * The same with quants plus kBias as unsigned bytes: columns 4k to 4k + 3 stand in quants[0][k], and those 16 further
 * on in quants[1][k].
 */
struct LanesBlock {
  __m512i quants[2][4];
  __m512 scale, also;
};

/** A half float of each of 16 rows. */
inline __m512 halvesOf(const uint8_t* const* rows, size_t offset) {
  alignas(32) uint16_t halves[16];
  for (size_t r = 0; r < 16; r++) std::memcpy(&halves[r], rows[r] + offset, 2);
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(halves)));
}

/** In halves: on Zen 4 registers of 256 bits cost half. */
inline __m512i fourLanes(__m128i lane0, __m128i lane1, __m128i lane2, __m128i lane3) {
  const __m256i lower = _mm256_inserti128_si256(_mm256_castsi128_si256(lane0), lane1, 1);
  const __m256i upper = _mm256_inserti128_si256(_mm256_castsi128_si256(lane2), lane3, 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(lower), upper, 1);
}

inline __m128i sixteenBytes(const uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

inline __mmask32 firstWords(size_t count) { return count >= 32 ? 0xffffffffu : (1u << count) - 1; }

/**
 * Up to four blocks of a row. Their quants plus kBias are unsigned bytes, a block in each lane, columns 0 to 15 in
 * `first` and 16 to 31 in `second`. Their scales, 16 bits, stand four times each in the lower half of `scales`, and
 * minima in its upper half.
 */
struct Group {
  __m512i first, second, scales;
};

/** Blocks of 32 that begin with a half float, their scale. Four of them are taken at once. */
struct HalfScaled {
  static constexpr bool kGrouped = true;
  static constexpr size_t kStepBlocks = 1;

  static __m512 toScale(__m256i scales) { return _mm512_cvtph_ps(scales); }
  static __m512 scaleOf(const uint8_t* const* rows, size_t offset) { return halvesOf(rows, offset); }
};

/** Blocks of 16 bytes of nibbles, the low ones first, behind `header` bytes. */
template <size_t header>
struct NibbleWeights : HalfScaled {
  static constexpr size_t kBytes = 16 + header;

  static Group group(const uint8_t* from, size_t blocks) {
    constexpr short kWords = kBytes / 2, kFirst = header / 2;
    const __m512i words = _mm512_maskz_loadu_epi16(firstWords(blocks * kWords), from);
    // The fourth block reaches past the register.
    const __mmask16 fourth = blocks == 4 ? 0xf000 : 0;
    const __m512i three =
        _mm512_permutexvar_epi16(eightWordsEach(kFirst, kWords + kFirst, 2 * kWords + kFirst, 0), words);
    const __m128i last = _mm_maskz_loadu_epi32(fourth >> 12, from + 3 * kBytes + header);
    const __m512i bytes = _mm512_mask_broadcast_i32x4(_mm512_maskz_mov_epi32(0x0fff, three), fourth, last);
    const __m512i low = _mm512_set1_epi8(15);
    return {_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low),
            _mm512_permutexvar_epi16(fourTimesEach(0, kWords, 2 * kWords, 3 * kWords), words)};
  }
};

struct WeightsQ4_0 : NibbleWeights<2> {
  static constexpr int kBias = 8;
  static constexpr Also kAlso = Also::Nothing;
};

struct WeightsQ4_1 : NibbleWeights<4> {
  static constexpr int kBias = 0;
  static constexpr Also kAlso = Also::Minimum;
};

struct WeightsQ8_0 : HalfScaled {
  static constexpr size_t kBytes = 34;
  static constexpr int kBias = 128;
  static constexpr Also kAlso = Also::Nothing;

  static Group group(const uint8_t* from, size_t blocks) {
    const size_t words = blocks * kBytes / 2;
    const __m512i front = _mm512_maskz_loadu_epi16(firstWords(words), from);
    const __m512i back = _mm512_maskz_loadu_epi16(words > 32 ? firstWords(words - 32) : 0, from + 64);
    const __m128i last = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + (blocks == 4 ? 128 : 0)));
    const __m512i sign = _mm512_set1_epi8(-128);
    const __m512i first = _mm512_permutex2var_epi16(front, eightWordsEach(1, 18, 35, 52), back);
    // The last four words of the fourth block lie past both registers.
    const __m512i second = _mm512_mask_broadcast_i32x2(
        _mm512_permutex2var_epi16(front, eightWordsEach(9, 26, 43, 60), back), 0xc000, last);
    return {_mm512_xor_si512(first, sign), _mm512_xor_si512(second, sign),
            _mm512_permutex2var_epi16(front, fourTimesEach(0, 17, 34, 51), back)};
  }
};

/** The values of E2M1, doubled to be whole, in the order of their bits. */
inline __m512i e2m1Values() {
  return _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12));
}

struct WeightsMxfp4 {
  static constexpr bool kGrouped = true;
  static constexpr size_t kBytes = 17, kStepBlocks = 1;
  static constexpr int kBias = 12;
  static constexpr Also kAlso = Also::Nothing;

  static Group group(const uint8_t* from, size_t blocks) {
    const auto sixteen = [&](size_t block) {
      return block < blocks ? sixteenBytes(from + block * kBytes + 1) : _mm_setzero_si128();
    };
    const __m512i bytes = fourLanes(sixteen(0), sixteen(1), sixteen(2), sixteen(3));
    uint32_t exponents = 0;
    for (size_t block = 0; block < blocks; block++) {
      exponents |= static_cast<uint32_t>(from[block * kBytes]) << (8 * block);
    }
    const __m256i fourTimes = _mm256_setr_epi8(0, -1, 0, -1, 0, -1, 0, -1, 1, -1, 1, -1, 1, -1, 1, -1,  //
                                               2, -1, 2, -1, 2, -1, 2, -1, 3, -1, 3, -1, 3, -1, 3, -1);
    const __m512i low = _mm512_set1_epi8(15), values = _mm512_add_epi8(e2m1Values(), _mm512_set1_epi8(kBias));
    return {_mm512_shuffle_epi8(values, _mm512_and_si512(bytes, low)),
            _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low)),
            _mm512_castsi256_si512(_mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int32_t>(exponents)), fourTimes))};
  }

  /** 2^(e - 128): half of what E8M0 says, for the doubled values. */
  static __m512 power(__m512i exponents) {
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(exponents, _mm512_set1_epi32(1)), 23);
    const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), exponents);
    return _mm512_castsi512_ps(
        _mm512_mask_mov_epi32(normal, _mm512_cmplt_epu32_mask(exponents, _mm512_set1_epi32(2)), subnormal));
  }
  static __m512 toScale(__m256i scales) { return power(_mm512_cvtepu16_epi32(scales)); }
  static __m512 scaleOf(const uint8_t* const* rows, size_t offset) {
    alignas(16) uint8_t exponents[16];
    for (size_t r = 0; r < 16; r++) exponents[r] = rows[r][offset];
    return power(_mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(exponents))));
  }
};

/** Transposes four by four elements in each lane: register i gets element i of all four registers. */
inline void transposeLanes(__m512i (&rows)[4]) {
  const __m512i a = _mm512_unpacklo_epi32(rows[0], rows[1]), b = _mm512_unpackhi_epi32(rows[0], rows[1]);
  const __m512i c = _mm512_unpacklo_epi32(rows[2], rows[3]), d = _mm512_unpackhi_epi32(rows[2], rows[3]);
  rows[0] = _mm512_unpacklo_epi64(a, c);
  rows[1] = _mm512_unpackhi_epi64(a, c);
  rows[2] = _mm512_unpacklo_epi64(b, d);
  rows[3] = _mm512_unpackhi_epi64(b, d);
}

/** Sixteen bytes of each of 16 rows as into[k], k < 4: bytes 4k to 4k + 3 of row i in element i. */
inline void gatherSixteen(const uint8_t* const* rows, size_t offset, __m512i (&into)[4]) {
  for (size_t i = 0; i < 4; i++) {
    into[i] = fourLanes(sixteenBytes(rows[i] + offset), sixteenBytes(rows[i + 4] + offset),
                        sixteenBytes(rows[i + 8] + offset), sixteenBytes(rows[i + 12] + offset));
  }
  transposeLanes(into);
}

/** A block of each of 16 rows as pairs of words. */
template <class Weights>
void unpackRows(const uint8_t* const* rows, size_t offset, __m512i* into) {
  __m512i bytes[4];
  gatherSixteen(rows, offset + Weights::kBytes - 16, bytes);
  const __m512i mask = _mm512_set1_epi16(15), bias = _mm512_set1_epi16(Weights::kBias);
  for (size_t k = 0; k < 4; k++) {
    for (unsigned s = 0; s < 4; s++) {
      into[4 * k + s] = _mm512_sub_epi16(_mm512_and_si512(_mm512_srli_epi16(bytes[k], 4 * s), mask), bias);
    }
  }
}

/** Signed bytes as pairs of words: those of even columns, then of odd ones. */
inline void pairUp(__m512i bytes, __m512i& even, __m512i& odd) {
  even = _mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8);
  odd = _mm512_srai_epi16(bytes, 8);
}

template <>
inline void unpackRows<WeightsQ8_0>(const uint8_t* const* rows, size_t offset, __m512i* into) {
  for (size_t half = 0; half < 2; half++) {
    __m512i bytes[4];
    gatherSixteen(rows, offset + 2 + 16 * half, bytes);
    for (size_t k = 0; k < 4; k++) pairUp(bytes[k], into[4 * k + half], into[4 * k + half + 2]);
  }
}

/** Nibbles that index a table of 16 values, which stands in each lane. */
inline void unpackByTable(const uint8_t* const* rows, size_t offset, __m512i values, __m512i* into) {
  __m512i bytes[4];
  gatherSixteen(rows, offset, bytes);
  const __m512i low = _mm512_set1_epi8(15);
  for (size_t k = 0; k < 4; k++) {
    pairUp(_mm512_shuffle_epi8(values, _mm512_and_si512(bytes[k], low)), into[4 * k], into[4 * k + 2]);
    pairUp(_mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(bytes[k], 4), low)), into[4 * k + 1],
           into[4 * k + 3]);
  }
}

template <>
inline void unpackRows<WeightsMxfp4>(const uint8_t* const* rows, size_t offset, __m512i* into) {
  unpackByTable(rows, offset + 1, e2m1Values(), into);
}

/**
 * Unpacks a step of 16 rows, which begins `offset` bytes into them, to kStepBlocks blocks of a panel, each `stride`
 * after the one before.
 */
template <class Weights>
void unpackStep(const uint8_t* const* rows, size_t offset, PanelBlock* into, size_t stride) {
  if constexpr (Weights::kGrouped) {
    unpackRows<Weights>(rows, offset, into->pairs);
    into->scale = Weights::scaleOf(rows, offset);
    if (Weights::kAlso == Also::Minimum) into->also = halvesOf(rows, offset + 2);
  } else {
    Weights::unpack(rows, offset, into, stride);
  }
}

}  // namespace
}  // namespace flashrow
