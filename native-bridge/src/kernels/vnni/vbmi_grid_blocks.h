#pragma once

// IQ2 and IQ3 as integers, taken apart by permutations of bytes. Part of vbmi.cc.

#include "kernels/vnni/one_token_lanes.h"
#include "kernels/vnni/vbmi_few_bit_blocks.h"

namespace flashrow {
namespace {

/**
 * Two rows' blocks: the digits of their points as RowDigits has them. Points of four weights leave a bit beside each
 * digit, which says that the weight is below zero.
 */
template <size_t registers>
struct PairDigits {
  __m512i words[2][registers];
  /** 2 * q + 1, q a block's scale, eight of each row; of the types that keep q beside the signs. */
  __m512i oddScales;
};

/** Points of eight weights: a bit for each register of Quants and weight that is below zero, [row][2 * g + half]. */
struct SignedPairDigits : PairDigits<1> {
  alignas(64) uint64_t negative[2][4];

  void setSigns(__m512i signs, const ByteOrder& order) {
    _mm512_store_si512(negative, _mm512_permutexvar_epi8(order.load(), signs));
    // Else the compiler takes the register apart again. Masks that are loaded cost less.
    asm("" : "+m"(negative));
  }
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

/** Signs of 64 points from words of four times seven, below a scale of four bits. */
inline __m512i signsOfWords(__m512i words) {
  return withEighthSigns(_mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x352e2720150e0700), words));
}
inline __m512i oddScalesOfWords(__m512i words) {
  return _mm512_or_si512(_mm512_srli_epi32(words, 27), _mm512_set1_epi32(1));
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
  Quants quants(size_t r, size_t g) const {
    const auto& pair = pairs_[r / 2];
    return {Weights::values(pair, r % 2, g, 0), Weights::values(pair, r % 2, g, 1)};
  }

 private:
  typename Weights::Pair pairs_[2];
};

/** Points of eight weights with two bits each. */
template <class Weights, class Base>
struct PermutedIQ2 : Base {
  using FourRows = RowsInPairs<Weights>;
  using Pair = SignedPairDigits;

  static __m512i values(const Pair& pair, size_t row, size_t g, size_t half) {
    // Further digits stand above the one that counts. The table repeats, so that they need not be taken away.
    const __m512i table = _mm512_set1_epi32(72 | 89 << 8 | 107 << 16 | 64 << 24);
    const __m512i above = _mm512_permutexvar_epi8(digits(pair.words[row][0], g, half), table);
    return _mm512_mask_sub_epi8(above, _cvtu64_mask64(pair.negative[row][2 * g + half]), _mm512_set1_epi8(-128), above);
  }
  static __m512i digits(__m512i words, size_t g, size_t half) {
    const short second = Weights::kInEights ? 2 : 1;
    const __m128i within = _mm_setr_epi16(0, 0, 0, 0, second, second, second, second);
    const auto from = [&](size_t j) {
      return _mm_add_epi16(within,
                           _mm_set1_epi16(static_cast<short>(16 * g + 4 * j + (Weights::kInEights ? half : 2 * half))));
    };
    const __m512i spread = _mm512_permutexvar_epi16(fourLanes(from(0), from(1), from(2), from(3)), words);
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

  static __m512i values(const Pair& pair, size_t row, size_t g, size_t half) {
    const __m512i words = pair.words[row][g];
    const __m512i spread = half == 0 ? _mm512_unpacklo_epi16(words, words) : _mm512_unpackhi_epi16(words, words);
    // A digit more may stand above the one that counts. The table repeats, so that it need not be taken away.
    return _mm512_permutexvar_epi8(_mm512_srlv_epi16(spread, _mm512_set1_epi64(0x0004000000040000)),
                                   _mm512_broadcast_i32x4(Base::values()));
  }
  /** A lane gets eight points of a block of the first half, and eight of one of the second. */
  static __m512i indexes(const uint8_t* from) {
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), _mm512_loadu_si512(from));
  }
  /** `signs` has four points in each of its words, a row's blocks in order. */
  template <size_t size, size_t bits>
  static void lookUp(const DigitBytes<size>& table, __m512i indexes, const __mmask64 (&upper)[bits], __m512i signs,
                     __m512i (&words)[2]) {
    const __m512i order = _mm512_setr_epi32(0, 0, 4, 4, 1, 1, 5, 5, 2, 2, 6, 6, 3, 3, 7, 7);
    // Four signs of each point, and more above them.
    const __m512i fours =
        _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x1c1814100c080400), _mm512_permutexvar_epi32(order, signs));
    // To the highest bits of two digits: those of weights 0 and 2, and of weights 1 and 3.
    const __m512i ofEven =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 0, 8, -128, -120, -128, -120, 0, 8, 0, 8, -128, -120, -128, -120));
    const __m512i ofOdd =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 8, 8, 0, 0, 8, 8, -128, -128, -120, -120, -128, -128, -120, -120));
    const __m512i even =
        _mm512_or_si512(lookUpBytes(table.even, indexes, upper), _mm512_permutexvar_epi8(fours, ofEven));
    const __m512i odd = _mm512_or_si512(lookUpBytes(table.odd, indexes, upper), _mm512_permutexvar_epi8(fours, ofOdd));
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
    const __m512i words = _mm512_permutex2var_epi32(
        first, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), second);
    into.setSigns(signsOfWords(words), kSignsInRows);
    into.oddScales = oddScalesOfWords(words);
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
    into.setSigns(withEighthSigns(_mm512_srli_epi16(high, 1)), kSignsByTurnsEights);
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
    into.setSigns(twoRows(a + 34, b + 34), kSignsInRowsEights);
  }
};

struct PermutedIQ3_XXS : PermutedIQ3<PermutedIQ3_XXS, WeightsOf<BlockIQ3_XXS>> {
  static constexpr bool kScalesBesideSigns = true;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    const __m512i words = twoRows(a + 66, b + 66), signs = signsOfWords(words);
    const auto row = [&](const uint8_t* from, __m512i signsOfRow, __m512i(&digits)[2]) {
      const __m512i points = indexes(from + 2);
      const __mmask64 upper[1] = {_mm512_movepi8_mask(points)};
      lookUp(kDigitBytesIq3Xxs, points, upper, signsOfRow, digits);
    };
    row(a, signs, into.words[0]);
    row(b, _mm512_shuffle_i64x2(signs, signs, 0xee), into.words[1]);
    into.oddScales = oddScalesOfWords(words);
  }
};

struct PermutedIQ3_S : PermutedIQ3<PermutedIQ3_S, WeightsOf<BlockIQ3_S>> {
  static constexpr bool kScalesBesideSigns = false;

  static void apart(const uint8_t* a, const uint8_t* b, Pair& into) {
    for (size_t row = 0; row < 2; row++) {
      const uint8_t* const from = row == 0 ? a : b;
      const __m512i points = indexes(from + 2);
      const __m128i ninths = _mm_shuffle_epi8(eightBytes(from + 66),
                                              _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, -1, -1, -1, -1, -1, -1, -1, -1));
      const __mmask64 upper[2] = {_mm512_movepi8_mask(points),
                                  _cvtu64_mask64(static_cast<uint64_t>(_mm_cvtsi128_si64(ninths)))};
      lookUp(kDigitBytesIq3S, points, upper, _mm512_castsi256_si512(thirtyTwoBytes(from + 74)), into.words[row]);
    }
  }
};

}  // namespace
}  // namespace flashrow
