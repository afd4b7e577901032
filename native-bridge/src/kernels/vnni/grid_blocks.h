#pragma once

// The IQ types with grids as integers, taken apart in registers. Part of vnni.cc.

#include "kernels/vnni/few_bit_blocks.h"

namespace flashrow {
namespace {

/** Entries of a table, 32 at once: a permutation looks at six bits of them, and further bits choose. */
template <size_t size>
inline __m512i lookUpWords(const DigitWords<size>& table, __m512i indexes) {
  __m512i found[size / 64];
#pragma GCC unroll 16
  for (size_t i = 0; i < size / 64; i++) {
    found[i] = _mm512_permutex2var_epi16(_mm512_load_si512(table.of + 64 * i), indexes,
                                         _mm512_load_si512(table.of + 64 * i + 32));
  }
  for (size_t left = size / 128, bit = 64; left > 0; left /= 2, bit *= 2) {
    const __mmask32 upper = _mm512_test_epi16_mask(indexes, _mm512_set1_epi16(static_cast<short>(bit)));
#pragma GCC unroll 8
    for (size_t i = 0; i < left; i++) found[i] = _mm512_mask_mov_epi16(found[2 * i], upper, found[2 * i + 1]);
  }
  return found[0];
}

/** A bit for each weight of half a block, as Quants has them. */
struct Bits {
  __mmask64 first, second;
};

/** Half g of 32 bytes with a bit for each weight. */
inline Bits bitsOf(__m256i bytes, size_t g) {
  const int first = static_cast<int>(4 * g);
  const __m512i blocks = _mm512_permutexvar_epi32(
      _mm512_add_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), _mm512_set1_epi32(first)),
      _mm512_castsi256_si512(bytes));
  const auto test = [&](char byte) {
    const __m128i order =
        _mm_add_epi8(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1), _mm_set1_epi8(byte));
    return _mm512_test_epi8_mask(_mm512_shuffle_epi8(blocks, _mm512_broadcast_i32x4(order)),
                                 _mm512_set1_epi64(static_cast<long long>(0x8040201008040201)));
  };
  return {test(0), test(2)};
}

/**
 * A block as the digits of its points (see DigitWords), in one register or, where points have four weights, two; and a
 * mark for each weight of each half.
 */
template <size_t registers>
struct RowDigits {
  static constexpr bool kFourWeights = registers == 2;
  __m512i words[registers];
  __m256i marks;

  /** Half g as numbers of levels, plus 8 where there is a mark. */
  Quants levels(size_t g) const {
    const Bits marked = bitsOf(marks, g);
    return {levelsOf(g, 0, marked.first), levelsOf(g, 1, marked.second)};
  }

 private:
  __m512i levelsOf(size_t g, size_t half, __mmask64 marked) const {
    // Words that stand twice or four times, in the order of the lanes' columns.
    const short first = static_cast<short>(kFourWeights ? 4 * half : 16 * g + 2 * half);
    const short lane = kFourWeights ? 8 : 4;
    const __m128i within =
        kFourWeights ? _mm_setr_epi16(0, 0, 1, 1, 2, 2, 3, 3) : _mm_setr_epi16(0, 0, 0, 0, 1, 1, 1, 1);
    const auto from = [&](short j) {
      return _mm_add_epi16(within, _mm_set1_epi16(static_cast<short>(first + j * lane)));
    };
    const __m512i spread =
        _mm512_permutexvar_epi16(fourLanes(from(0), from(1), from(2), from(3)), words[kFourWeights ? g : 0]);
    const __m512i shifts = _mm512_set1_epi64(kFourWeights ? 0x0004000000040000 : 0x0006000400020000);
    const __m512i digits = _mm512_and_si512(_mm512_srlv_epi16(spread, shifts), _mm512_set1_epi8(kFourWeights ? 15 : 3));
    return _mm512_mask_add_epi8(digits, marked, digits, _mm512_set1_epi8(8));
  }
};

/** Four rows' blocks as digits, looked up first. */
template <class Weights>
class RowsOfDigits {
 public:
  SuperScales scales;

  RowsOfDigits(const uint8_t* const* rows, size_t offset, size_t) : scales(Weights::scales(rows, offset)) {
    for (size_t r = 0; r < 4; r++) rows_[r] = Weights::digits(rows[r] + offset);
  }
  Quants quants(size_t r, size_t g) const {
    const Quants levels = rows_[r].levels(g);
    const __m512i values = _mm512_broadcast_i32x4(Weights::values());
    return {_mm512_shuffle_epi8(values, levels.first), _mm512_shuffle_epi8(values, levels.second)};
  }

 private:
  typename Weights::Digits rows_[4];
};

/** Four rows' blocks of a grid that is too long for lookUpWords to be faster: their points' places, computed first. */
template <class Weights>
class RowsOfPoints {
 public:
  SuperScales scales;

  RowsOfPoints(const uint8_t* const* rows, size_t offset, size_t) : scales(Weights::scales(rows, offset)) {
    for (size_t r = 0; r < 4; r++) {
      _mm512_store_si512(places_[r], Weights::places(rows[r] + offset));
      marks_[r] = Weights::marks(rows[r] + offset);
    }
  }
  Quants quants(size_t r, size_t g) const {
    const auto pair = [&](size_t k) {
      const uint16_t* const place = places_[r] + 16 * g + k;
      return _mm_set_epi64x(static_cast<long long>(Weights::kGrid[place[1]]),
                            static_cast<long long>(Weights::kGrid[place[0]]));
    };
    const Bits marked = bitsOf(marks_[r], g);
    return {Weights::mark(fourLanes(pair(0), pair(4), pair(8), pair(12)), marked.first),
            Weights::mark(fourLanes(pair(2), pair(6), pair(10), pair(14)), marked.second)};
  }

 private:
  alignas(64) uint16_t places_[4][32];
  __m256i marks_[4];
};

/** Seven signs in each byte, with the eighth that makes their number even. */
inline __m256i withEighthSign(__m256i sevens) {
  const __m256i odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0));
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i parity =
      _mm256_xor_si256(_mm256_shuffle_epi8(odd, _mm256_and_si256(sevens, low)),
                       _mm256_shuffle_epi8(odd, _mm256_and_si256(_mm256_srli_epi16(sevens, 4), low)));
  return _mm256_or_si256(sevens, parity);
}

/** Four times seven bits of each word, a byte each. */
inline __m256i fourSevens(__m256i words) {
  const auto part = [&](__m256i shifted, int mask) { return _mm256_and_si256(shifted, _mm256_set1_epi32(mask)); };
  return _mm256_or_si256(
      _mm256_or_si256(part(words, 0x7f), part(_mm256_slli_epi32(words, 1), 0x7f00)),
      _mm256_or_si256(part(_mm256_slli_epi32(words, 2), 0x7f0000), part(_mm256_slli_epi32(words, 3), 0x7f000000)));
}

inline __m256i thirtyTwoBytes(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

/** Three levels plus 64, and 64 less them: those of weights whose sign is set. */
inline __m128i iq2Values() { return _mm_setr_epi8(72, 89, 107, 64, 64, 64, 64, 64, 56, 39, 21, 64, 64, 64, 64, 64); }

/** Scales of factor * (1 + 2 * q); `kFactor` is what the half is multiplied by, and `packedRow` gives 16 bytes of q. */
template <class Weights, class Block, int bias>
struct OddScaled : SpreadWeights<Block> {
  using FourRows = RowsOfDigits<Weights>;
  static constexpr int kBias = bias;

  static __m512i packed(__m512i q) { return _mm512_add_epi8(_mm512_add_epi8(q, q), _mm512_set1_epi8(1)); }
  static __m512 widen(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }
  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512 factor = _mm512_mul_ps(Weights::halves(rows, offset), _mm512_set1_ps(Weights::kFactor));
    const auto row = [&](size_t r) { return Weights::packedRow(rows[r] + offset); };
    return scaleBy<Weights>(factor, factor, fourLanes(row(0), row(1), row(2), row(3)));
  }
  static __m512 halves(const uint8_t* const* rows, size_t offset) { return halfForAllBlocks(rows, offset); }
};

inline __m128i eightBytes(const uint8_t* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }

/** Eight bytes of nibbles: the low ones, of even runs, then the high ones. */
inline __m128i nibblesApart(__m128i bytes) {
  return _mm_and_si128(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
}

template <>
struct WeightsOf<BlockIQ2_XXS> : OddScaled<WeightsOf<BlockIQ2_XXS>, BlockIQ2_XXS, 64> {
  using Digits = RowDigits<1>;
  static constexpr float kFactor = 0.125f;
  static __m128i values() { return iq2Values(); }
  static __m128i packedRow(const uint8_t* from) {
    return _mm512_cvtepi64_epi8(_mm512_srli_epi64(_mm512_loadu_si512(from + 2), 60));
  }
  static Digits digits(const uint8_t* from) {
    const __m512i words = _mm512_loadu_si512(from + 2);
    const __m256i points = _mm512_cvtepi64_epi32(words), signs = _mm512_cvtepi64_epi32(_mm512_srli_epi64(words, 32));
    return {{lookUpWords(kDigitsIq2Xxs, _mm512_cvtepu8_epi16(points))}, withEighthSign(fourSevens(signs))};
  }
};

template <>
struct WeightsOf<BlockIQ2_XS> : OddScaled<WeightsOf<BlockIQ2_XS>, BlockIQ2_XS, 64> {
  using Digits = RowDigits<1>;
  static constexpr float kFactor = 0.125f;
  static __m128i values() { return iq2Values(); }
  static __m128i packedRow(const uint8_t* from) { return nibblesApart(eightBytes(from + 66)); }
  static Digits digits(const uint8_t* from) {
    const __m512i words = _mm512_loadu_si512(from + 2);
    const __m256i signs = _mm512_cvtepi16_epi8(_mm512_srli_epi16(words, 9));
    return {{lookUpWords(kDigitsIq2Xs, words)}, withEighthSign(signs)};
  }
};

template <>
struct WeightsOf<BlockIQ2_S> : OddScaled<WeightsOf<BlockIQ2_S>, BlockIQ2_S, 64> {
  using FourRows = RowsOfPoints<WeightsOf>;
  static constexpr float kFactor = 0.125f;
  static constexpr const std::array<uint64_t, 1024>& kGrid = kGridIq2S;
  static __m128i packedRow(const uint8_t* from) { return nibblesApart(eightBytes(from + 74)); }
  /** A word for each of 32 points: bits 8 and 9 of it, four points in a byte. */
  static __m512i highBits(const uint8_t* from) {
    const __m512i bytes = _mm512_cvtepu8_epi64(eightBytes(from));
    const __m512i fourTimes = _mm512_shuffle_epi8(
        bytes, _mm512_broadcast_i32x4(_mm_setr_epi8(0, -1, 0, -1, 0, -1, 0, -1, 8, -1, 8, -1, 8, -1, 8, -1)));
    return _mm512_and_si512(_mm512_sllv_epi16(fourTimes, _mm512_set1_epi64(0x0002000400060008)),
                            _mm512_set1_epi16(0x300));
  }
  static __m512i places(const uint8_t* from) {
    return _mm512_or_si512(_mm512_cvtepu8_epi16(thirtyTwoBytes(from + 2)), highBits(from + 66));
  }
  static __m256i marks(const uint8_t* from) { return thirtyTwoBytes(from + 34); }
  static __m512i mark(__m512i points, __mmask64 negative) {
    const __m512i bias = _mm512_set1_epi8(kBias);
    return _mm512_mask_sub_epi8(_mm512_add_epi8(points, bias), negative, bias, points);
  }
};

template <>
struct WeightsOf<BlockIQ3_XXS> : OddScaled<WeightsOf<BlockIQ3_XXS>, BlockIQ3_XXS, 64> {
  using Digits = RowDigits<2>;
  static constexpr float kFactor = 0.25f;
  static __m128i values() { return _mm_setr_epi8(68, 76, 84, 92, 100, 108, 116, 126, 60, 52, 44, 36, 28, 20, 12, 2); }
  static __m128i packedRow(const uint8_t* from) {
    return _mm256_cvtepi32_epi8(_mm256_srli_epi32(thirtyTwoBytes(from + 66), 28));
  }
  static Digits digits(const uint8_t* from) {
    const auto half = [&](size_t g) {
      return lookUpWords(kDigitsIq3Xxs, _mm512_cvtepu8_epi16(thirtyTwoBytes(from + 2 + 32 * g)));
    };
    return {{half(0), half(1)}, withEighthSign(fourSevens(thirtyTwoBytes(from + 66)))};
  }
};

template <>
struct WeightsOf<BlockIQ3_S> : OddScaled<WeightsOf<BlockIQ3_S>, BlockIQ3_S, 64> {
  using Digits = RowDigits<2>;
  static constexpr float kFactor = 1;
  static __m128i values() { return _mm_setr_epi8(65, 67, 69, 71, 73, 75, 77, 79, 63, 61, 59, 57, 55, 53, 51, 49); }
  static __m128i packedRow(const uint8_t* from) {
    int32_t nibbles;
    std::memcpy(&nibbles, from + 106, 4);
    const __m128i bytes = _mm_cvtsi32_si128(nibbles);
    return _mm_and_si128(_mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
  }
  static Digits digits(const uint8_t* from) {
    const auto half = [&](size_t g) {
      uint32_t ninths;
      std::memcpy(&ninths, from + 66 + 4 * g, 4);
      const __m512i low = _mm512_cvtepu8_epi16(thirtyTwoBytes(from + 2 + 32 * g));
      return lookUpWords(kDigitsIq3S, _mm512_mask_add_epi16(low, ninths, low, _mm512_set1_epi16(256)));
    };
    return {{half(0), half(1)}, thirtyTwoBytes(from + 74)};
  }
};

/** Points as grids.h has them, which are 9 too large, less 2 where there is a mark. */
struct Iq1Points {
  static constexpr float kFactor = 0.125f;
  static constexpr const std::array<uint64_t, 2048>& kGrid = kGridIq1;
  static __m512i mark(__m512i points, __mmask64 down) {
    return _mm512_mask_sub_epi8(points, down, points, _mm512_set1_epi8(2));
  }
};

template <>
struct WeightsOf<BlockIQ1_S> : OddScaled<WeightsOf<BlockIQ1_S>, BlockIQ1_S, 9>, Iq1Points {
  using FourRows = RowsOfPoints<WeightsOf>;
  static __m128i packedRow(const uint8_t* from) {
    const __m128i scales = _mm_and_si128(_mm_srli_epi16(sixteenBytes(from + 34), 12), _mm_set1_epi16(7));
    return _mm_cvtepi16_epi8(scales);
  }
  /** Bits 8 to 10 of a block's four points stand in a word. */
  static __m512i places(const uint8_t* from) {
    const __m512i words = _mm512_cvtepu16_epi64(sixteenBytes(from + 34));
    const __m512i fourTimes = _mm512_shufflelo_epi16(_mm512_shufflehi_epi16(words, 0), 0);
    const __m512i high =
        _mm512_and_si512(_mm512_srlv_epi16(fourTimes, _mm512_set1_epi64(0x0009000600030000)), _mm512_set1_epi16(7));
    return _mm512_or_si512(_mm512_cvtepu8_epi16(thirtyTwoBytes(from + 2)), _mm512_slli_epi16(high, 8));
  }
  /** The highest bit of a word counts for all 32 weights of a block. */
  static __m256i marks(const uint8_t* from) {
    return _mm256_srai_epi32(_mm256_slli_epi32(_mm256_cvtepu16_epi32(sixteenBytes(from + 34)), 16), 31);
  }
};

template <>
struct WeightsOf<BlockIQ1_M> : OddScaled<WeightsOf<BlockIQ1_M>, BlockIQ1_M, 9>, Iq1Points {
  using FourRows = RowsOfPoints<WeightsOf>;
  static __m512 halves(const uint8_t* const* rows, size_t offset) {
    uint64_t halves = 0;
    for (size_t r = 0; r < 4; r++) {
      uint16_t words[4];
      std::memcpy(words, rows[r] + offset + 48, 8);
      const uint64_t half = words[0] >> 12 | (words[1] >> 12) << 4 | (words[2] >> 12) << 8 | (words[3] >> 12) << 12;
      halves |= half << (16 * r);
    }
    return _mm512_cvtph_ps(_mm256_set1_epi64x(static_cast<long long>(halves)));
  }
  /** Three bits of even runs, then of odd ones: four runs in a word. */
  static __m128i packedRow(const uint8_t* from) {
    const __m128i words = eightBytes(from + 48);
    const __m128i twice = _mm_unpacklo_epi16(words, words), seven = _mm_set1_epi16(7);
    const __m128i even = _mm_srlv_epi16(twice, _mm_set1_epi32(6 << 16));
    const __m128i odd = _mm_srlv_epi16(twice, _mm_set1_epi32(3 | 9 << 16));
    return _mm_packus_epi16(_mm_and_si128(even, seven), _mm_and_si128(odd, seven));
  }
  /** A byte for each point: its four bits, of which the highest says that it moves down. */
  static __m256i fours(const uint8_t* from) {
    const __m256i words = _mm256_cvtepu8_epi16(sixteenBytes(from + 32));
    return _mm256_and_si256(_mm256_or_si256(words, _mm256_slli_epi16(words, 4)), _mm256_set1_epi8(15));
  }
  static __m512i places(const uint8_t* from) {
    const __m512i high = _mm512_and_si512(_mm512_cvtepu8_epi16(fours(from)), _mm512_set1_epi16(7));
    return _mm512_or_si512(_mm512_cvtepu8_epi16(thirtyTwoBytes(from)), _mm512_slli_epi16(high, 8));
  }
  static __m256i marks(const uint8_t* from) { return _mm256_cmpgt_epi8(fours(from), _mm256_set1_epi8(7)); }
};

}  // namespace
}  // namespace flashrow
