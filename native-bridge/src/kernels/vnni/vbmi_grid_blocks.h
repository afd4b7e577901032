#pragma once

// IQ2 and IQ3 as integers, taken apart by permutations of bytes. Part of vbmi.cc.

#include "kernels/vnni/vbmi_few_bit_blocks.h"

namespace flashrow {
namespace {

/** Two rows' blocks: the digits of their points as RowDigits has them, and what else they hold. */
template <size_t registers>
struct PairDigits {
  __m512i words[2][registers];
  /** A bit for each weight that is below zero, for each register of Quants: [row][2 * g + half]. */
  alignas(64) uint64_t negative[2][4];
  /** 2 * q + 1, q a block's scale, eight of each row; of the types that keep q beside the signs. */
  __m512i oddScales;
};

/** 64 bytes' order. */
struct alignas(64) ByteOrder {
  uint8_t of[64];

  __m512i load() const { return _mm512_load_si512(of); }
};

/**
 * Signs of eight weights each, of two rows' 32 points, to the order of PairDigits. They stand row by row, or eight of a
 * row and eight of the other.
 */
constexpr ByteOrder signOrder(bool inEights, bool byTurns) {
  ByteOrder order{};
  for (size_t row = 0; row < 2; row++) {
    for (size_t i = 0; i < 32; i++) {
      const size_t g = i / 16, half = i / 8 % 2, block = 4 * g + i % 8 / 2, second = i % 2;
      const size_t point = 4 * block + (inEights ? half + 2 * second : 2 * half + second);
      order.of[32 * row + i] = static_cast<uint8_t>(byTurns ? point / 8 * 16 + 8 * row + point % 8 : 32 * row + point);
    }
  }
  return order;
}
constexpr ByteOrder kSignsInRows = signOrder(false, false), kSignsInRowsEights = signOrder(true, false);
constexpr ByteOrder kSignsByTurnsEights = signOrder(true, true);

/** Every second byte of 32 words of two rows, eight of a row and eight of the other. */
constexpr ByteOrder byteOfWords(size_t byte) {
  ByteOrder order{};
  for (size_t i = 0; i < 64; i++) {
    order.of[i] = static_cast<uint8_t>(64 * (i / 8 % 2) + 2 * (i / 16 * 8 + i % 8) + byte);
  }
  return order;
}
constexpr ByteOrder kLowOfWords = byteOfWords(0), kHighOfWords = byteOfWords(1);

/** Seven signs with the eighth that makes their number even. */
struct alignas(64) EvenSigns {
  uint8_t of[128];
};
constexpr EvenSigns evenSigns() {
  EvenSigns signs{};
  for (unsigned seven = 0; seven < 128; seven++) {
    unsigned odd = 0;
    for (unsigned i = 0; i < 7; i++) odd ^= seven >> i & 1;
    signs.of[seven] = static_cast<uint8_t>(seven | odd << 7);
  }
  return signs;
}
constexpr EvenSigns kEvenSigns = evenSigns();

/** Signs of 64 points from seven bits each; what the eighth bit is does not matter. */
inline __m512i withEighthSigns(__m512i sevens) {
  return _mm512_permutex2var_epi8(_mm512_load_si512(kEvenSigns.of), sevens, _mm512_load_si512(kEvenSigns.of + 64));
}

inline __m512i twoRows(const uint8_t* a, const uint8_t* b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(thirtyTwoBytes(a)), thirtyTwoBytes(b), 1);
}

/** Words of four times seven signs and a scale of four bits, of eight blocks of two rows. */
template <class Pair>
inline void takeSignsAndScales(__m512i words, Pair& into) {
  const __m512i sevens = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x352e2720150e0700), words);
  _mm512_store_si512(into.negative, _mm512_permutexvar_epi8(kSignsInRows.load(), withEighthSigns(sevens)));
  into.oddScales = _mm512_or_si512(_mm512_srli_epi32(words, 27), _mm512_set1_epi32(1));
}

/** Four rows' blocks, two rows at a time. */
template <class Weights>
class RowsInPairs {
 public:
  SuperScales scales;

  RowsInPairs(const uint8_t* const* rows, size_t offset, size_t) {
#pragma GCC unroll 2
    for (size_t p = 0; p < 2; p++) Weights::apart(rows[2 * p] + offset, rows[2 * p + 1] + offset, pairs_[p]);
    if constexpr (Weights::kScalesBesideSigns) {
      const __m512 factor = _mm512_mul_ps(Weights::halves(rows, offset), _mm512_set1_ps(Weights::kFactor));
      const __m512i order = _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
      for (int g = 0; g < 2; g++) {
        const __m512i odd = _mm512_permutex2var_epi32(
            pairs_[0].oddScales, _mm512_add_epi32(order, _mm512_set1_epi32(4 * g)), pairs_[1].oddScales);
        scales.scale[g] = _mm512_mul_ps(factor, _mm512_cvtepi32_ps(odd));
      }
    } else {
      scales = Weights::scales(rows, offset);
    }
  }
  Quants quants(size_t r, size_t g) const { return {values(r, g, 0), values(r, g, 1)}; }

 private:
  typename Weights::Pair pairs_[2];

  __m512i values(size_t r, size_t g, size_t half) const {
    const auto& pair = pairs_[r / 2];
    // Further digits stand above the one that counts. The table repeats, so that they need not be taken away.
    const __m512i values = _mm512_permutexvar_epi8(Weights::digits(pair.words[r % 2], g, half), Weights::table());
    return _mm512_mask_sub_epi8(values, _cvtu64_mask64(pair.negative[r % 2][2 * g + half]),
                                _mm512_set1_epi8(static_cast<char>(2 * Weights::kBias)), values);
  }
};

/** Points of eight weights with two bits each. */
template <class Weights, class Base>
struct PermutedIQ2 : Base {
  using FourRows = RowsInPairs<Weights>;
  using Pair = PairDigits<1>;

  static __m512i table() { return _mm512_set1_epi32(72 | 89 << 8 | 107 << 16 | 64 << 24); }
  static __m512i digits(const __m512i (&words)[1], size_t g, size_t half) {
    const short second = Weights::kInEights ? 2 : 1;
    const __m128i within = _mm_setr_epi16(0, 0, 0, 0, second, second, second, second);
    const auto from = [&](size_t j) {
      return _mm_add_epi16(within,
                           _mm_set1_epi16(static_cast<short>(16 * g + 4 * j + (Weights::kInEights ? half : 2 * half))));
    };
    const __m512i spread = _mm512_permutexvar_epi16(fourLanes(from(0), from(1), from(2), from(3)), words[0]);
    return _mm512_srlv_epi16(spread, _mm512_set1_epi64(0x0006000400020000));
  }
  /** Indexes of eight points of a row and eight of the other in each lane. */
  template <size_t size, size_t bits>
  static void lookUp(const DigitBytes<size>& table, __m512i indexes, const __mmask64 (&upper)[bits], Pair& into) {
    const __m512i even = lookUpBytes(table.even, indexes, upper), odd = lookUpBytes(table.odd, indexes, upper);
    into.words[0][0] = _mm512_unpacklo_epi8(even, odd);
    into.words[1][0] = _mm512_unpackhi_epi8(even, odd);
  }
};

/** Points of four weights with four bits each. */
template <class Weights, class Base>
struct PermutedIQ3 : Base {
  using FourRows = RowsInPairs<Weights>;
  using Pair = PairDigits<2>;

  static __m512i table() { return _mm512_broadcast_i32x4(Base::values()); }
  static __m512i digits(const __m512i (&words)[2], size_t g, size_t half) {
    const __m512i spread =
        half == 0 ? _mm512_unpacklo_epi16(words[g], words[g]) : _mm512_unpackhi_epi16(words[g], words[g]);
    return _mm512_srlv_epi16(spread, _mm512_set1_epi64(0x0004000000040000));
  }
  /** A lane gets eight points of a block of the first half, and eight of one of the second. */
  static __m512i indexes(const uint8_t* from) {
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), _mm512_loadu_si512(from));
  }
  template <size_t size, size_t bits>
  static void lookUp(const DigitBytes<size>& table, __m512i indexes, const __mmask64 (&upper)[bits],
                     __m512i (&words)[2]) {
    const __m512i even = lookUpBytes(table.even, indexes, upper), odd = lookUpBytes(table.odd, indexes, upper);
    words[0] = _mm512_unpacklo_epi8(even, odd);
    words[1] = _mm512_unpackhi_epi8(even, odd);
  }
};

struct PermutedIQ2_XXS : PermutedIQ2<PermutedIQ2_XXS, WeightsOf<BlockIQ2_XXS>> {
  static constexpr bool kScalesBesideSigns = true;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const __m512i first = _mm512_loadu_si512(a + 2), second = _mm512_loadu_si512(b + 2);
    const __m512i points = _mm512_permutex2var_epi32(
        first, _mm512_setr_epi32(0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30), second);
    const __mmask64 upper[1] = {_mm512_movepi8_mask(points)};
    lookUp(kDigitBytesIq2Xxs, points, upper, into);
    takeSignsAndScales(_mm512_permutex2var_epi32(
                           first, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), second),
                       into);
  }
};

struct PermutedIQ2_XS : PermutedIQ2<PermutedIQ2_XS, WeightsOf<BlockIQ2_XS>> {
  static constexpr bool kScalesBesideSigns = false, kInEights = true;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const __m512i first = _mm512_loadu_si512(a + 2), second = _mm512_loadu_si512(b + 2);
    const __m512i low = _mm512_permutex2var_epi8(first, kLowOfWords.load(), second);
    const __m512i high = _mm512_permutex2var_epi8(first, kHighOfWords.load(), second);
    const __mmask64 upper[2] = {_mm512_movepi8_mask(low), _mm512_test_epi8_mask(high, _mm512_set1_epi8(1))};
    lookUp(kDigitBytesIq2Xs, low, upper, into);
    const __m512i signs = withEighthSigns(_mm512_srli_epi16(high, 1));
    _mm512_store_si512(into.negative, _mm512_permutexvar_epi8(kSignsByTurnsEights.load(), signs));
  }
};

struct PermutedIQ2_S : PermutedIQ2<PermutedIQ2_S, WeightsOf<BlockIQ2_S>> {
  static constexpr bool kScalesBesideSigns = false, kInEights = true;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const __m512i low = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), twoRows(a + 2, b + 2));
    // Two more bits of four points stand in a byte.
    const __m512i fours =
        _mm512_permutexvar_epi8(fourLanes(_mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 8, 8, 8, 8, 9, 9, 9, 9),
                                          _mm_setr_epi8(2, 2, 2, 2, 3, 3, 3, 3, 10, 10, 10, 10, 11, 11, 11, 11),
                                          _mm_setr_epi8(4, 4, 4, 4, 5, 5, 5, 5, 12, 12, 12, 12, 13, 13, 13, 13),
                                          _mm_setr_epi8(6, 6, 6, 6, 7, 7, 7, 7, 14, 14, 14, 14, 15, 15, 15, 15)),
                                _mm512_castsi128_si512(_mm_unpacklo_epi64(eightBytes(a + 66), eightBytes(b + 66))));
    const __mmask64 upper[3] = {_mm512_movepi8_mask(low), _mm512_test_epi8_mask(fours, _mm512_set1_epi32(0x40100401)),
                                _mm512_test_epi8_mask(fours, _mm512_set1_epi32(static_cast<int32_t>(0x80200802)))};
    lookUp(kDigitBytesIq2S, low, upper, into);
    _mm512_store_si512(into.negative, _mm512_permutexvar_epi8(kSignsInRowsEights.load(), twoRows(a + 34, b + 34)));
  }
};

struct PermutedIQ3_XXS : PermutedIQ3<PermutedIQ3_XXS, WeightsOf<BlockIQ3_XXS>> {
  static constexpr bool kScalesBesideSigns = true;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const auto row = [&](const uint8_t* from, __m512i(&words)[2]) {
      const __m512i points = indexes(from + 2);
      const __mmask64 upper[1] = {_mm512_movepi8_mask(points)};
      lookUp(kDigitBytesIq3Xxs, points, upper, words);
    };
    row(a, into.words[0]);
    row(b, into.words[1]);
    takeSignsAndScales(twoRows(a + 66, b + 66), into);
  }
};

struct PermutedIQ3_S : PermutedIQ3<PermutedIQ3_S, WeightsOf<BlockIQ3_S>> {
  static constexpr bool kScalesBesideSigns = false;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const auto row = [&](const uint8_t* from, __m512i(&words)[2]) {
      const __m512i points = indexes(from + 2);
      const __m128i ninths = _mm_shuffle_epi8(eightBytes(from + 66),
                                              _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, -1, -1, -1, -1, -1, -1, -1, -1));
      const __mmask64 upper[2] = {_mm512_movepi8_mask(points),
                                  _cvtu64_mask64(static_cast<uint64_t>(_mm_cvtsi128_si64(ninths)))};
      lookUp(kDigitBytesIq3S, points, upper, words);
    };
    row(a, into.words[0]);
    row(b, into.words[1]);
    _mm512_store_si512(into.negative, _mm512_permutexvar_epi8(kSignsInRows.load(), twoRows(a + 74, b + 74)));
  }
};

}  // namespace
}  // namespace flashrow
