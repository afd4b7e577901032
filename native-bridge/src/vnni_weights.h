#pragma once

// Blocks of weights as integers. Part of kernels_vnni.cc.

#include <immintrin.h>

#include <cstdint>

namespace flashrow {
namespace {

/** Words `at` + i, i < 8, in lane j where `at` is the lane's entry. */
inline __m512i eightWordsEach(short lane0, short lane1, short lane2, short lane3) {
  const __m512i starts = _mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(lane0)), _mm_set1_epi16(lane1), 1)),
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(lane2)), _mm_set1_epi16(lane3), 1), 1);
  return _mm512_add_epi16(starts, _mm512_broadcast_i32x4(_mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7)));
}

/** Four times each of four words, in the lower half; the same of their followers in the upper half. */
inline __m512i fourTimesEach(short word0, short word1, short word2, short word3) {
  const __m256i words = _mm256_setr_epi16(word0, word0, word0, word0, word1, word1, word1, word1,  //
                                          word2, word2, word2, word2, word3, word3, word3, word3);
  return _mm512_inserti64x4(_mm512_castsi256_si512(words), _mm256_add_epi16(words, _mm256_set1_epi16(1)), 1);
}

inline __mmask32 firstWords(size_t count) { return count >= 32 ? 0xffffffffu : (1u << count) - 1; }

/**
 * Up to four blocks of a row: their quants plus kBias as unsigned bytes, a block in each lane, columns 0 to 15 in `first` and 16 to 31
 * in `second`; and their scales' halves, four times each, in the lower half of `scales`, minima in its upper half.
 */
struct Group {
  __m512i first, second, scales;
};

/** Blocks of 16 bytes of nibbles, the low ones first, behind `header` bytes. */
template <size_t header>
struct NibbleWeights {
  static constexpr size_t kBytes = 16 + header;

  static Group group(const uint8_t* from, size_t blocks) {
    constexpr short kWords = kBytes / 2, kFirst = header / 2;
    const __m512i words = _mm512_maskz_loadu_epi16(firstWords(blocks * kWords), from);
    // The fourth block reaches past the register.
    const __mmask16 fourth = blocks == 4 ? 0xf000 : 0;
    const __m512i three = _mm512_permutexvar_epi16(eightWordsEach(kFirst, kWords + kFirst, 2 * kWords + kFirst, 0), words);
    const __m128i last = _mm_maskz_loadu_epi32(fourth >> 12, from + 3 * kBytes + header);
    const __m512i bytes = _mm512_mask_broadcast_i32x4(_mm512_maskz_mov_epi32(0x0fff, three), fourth, last);
    const __m512i low = _mm512_set1_epi8(15);
    return {_mm512_and_si512(bytes, low), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low),
            _mm512_permutexvar_epi16(fourTimesEach(0, kWords, 2 * kWords, 3 * kWords), words)};
  }
};

struct WeightsQ4_0 : NibbleWeights<2> {
  static constexpr int kBias = 8;
  static constexpr bool kMinimum = false;
};

struct WeightsQ4_1 : NibbleWeights<4> {
  static constexpr int kBias = 0;
  static constexpr bool kMinimum = true;
};

struct WeightsQ8_0 {
  static constexpr size_t kBytes = 34;
  static constexpr int kBias = 128;
  static constexpr bool kMinimum = false;

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

/** Lane by lane, the first, second, third and fourth elements of four registers, each from one of them: four by four, transposed. */
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
  const auto sixteen = [&](size_t row) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + offset)); };
  for (size_t i = 0; i < 4; i++) {
    const __m512i lower = _mm512_inserti32x4(_mm512_castsi128_si512(sixteen(i)), sixteen(i + 4), 1);
    into[i] = _mm512_inserti32x4(_mm512_inserti32x4(lower, sixteen(i + 8), 2), sixteen(i + 12), 3);
  }
  transposeLanes(into);
}

/** A block of each of 16 rows as pairs of words, in the order of ManyTokensBlock. */
template <class Weights>
void unpackRows(const uint8_t* const* rows, size_t block, __m512i* into) {
  __m512i bytes[4];
  gatherSixteen(rows, block * Weights::kBytes + Weights::kBytes - 16, bytes);
  const __m512i mask = _mm512_set1_epi16(15), bias = _mm512_set1_epi16(Weights::kBias);
  for (size_t k = 0; k < 4; k++) {
    for (unsigned s = 0; s < 4; s++) {
      into[4 * k + s] = _mm512_sub_epi16(_mm512_and_si512(_mm512_srli_epi16(bytes[k], 4 * s), mask), bias);
    }
  }
}

template <>
inline void unpackRows<WeightsQ8_0>(const uint8_t* const* rows, size_t block, __m512i* into) {
  for (size_t half = 0; half < 2; half++) {
    __m512i bytes[4];
    gatherSixteen(rows, block * WeightsQ8_0::kBytes + 2 + 16 * half, bytes);
    for (size_t k = 0; k < 4; k++) {
      into[4 * k + half] = _mm512_srai_epi16(_mm512_slli_epi16(bytes[k], 8), 8);
      into[4 * k + half + 2] = _mm512_srai_epi16(bytes[k], 8);
    }
  }
}

}  // namespace
}  // namespace flashrow
