#pragma once

// IQ2 with a row in each lane. Part of vbmi.cc.

#include "kernels/vnni/one_token_lanes.h"
#include "kernels/vnni/vbmi_grid_blocks.h"

namespace flashrow {
namespace {

/** Bits of `a` where the mask has ones, and of `b` where it has none. */
inline __m512i pick(int32_t mask, __m512i a, __m512i b) {
  return _mm512_ternarylogic_epi32(a, b, _mm512_set1_epi32(mask), 0xe4);
}

/** Lower words of a, upper words of b. */
inline __m512i upperWords(__m512i a, __m512i b) { return _mm512_mask_mov_epi16(a, 0xaaaaaaaa, b); }

/** What four bits say: three levels plus 64, and 64 less them, in the order of DigitsBesideSigns. */
constexpr ByteOrder levelsBeside(bool inner) {
  constexpr uint8_t kLevels[4] = {8, 25, 43, 0};
  ByteOrder levels{};
  for (size_t i = 0; i < 64; i++) {
    const uint8_t level = kLevels[inner ? (i & 1) | (i >> 3 & 1) << 1 : i >> 1 & 3];
    const bool negative = (inner ? i >> 1 & 1 : i & 1) != 0;
    levels.of[i] = static_cast<uint8_t>(negative ? 64 - level : 64 + level);
  }
  return levels;
}
constexpr ByteOrder kOuterLevels = levelsBeside(false), kInnerLevels = levelsBeside(true);

/**
 * Weights 0, 1, 4 and 5 from their digits and from signs: that of weight i is bit i. What stands above four bits does
 * not count, as the tables repeat.
 */
inline void fourWeights(__m512i digits, __m512i signs, __m512i (&into)[4]) {
  const __m512i outer = kOuterLevels.load(), inner = kInnerLevels.load();
  const __m512i ofOuter = pick(0x66666666, digits, signs),
                ofInner = pick(static_cast<int32_t>(0x99999999), digits, signs);
  into[0] = _mm512_permutexvar_epi8(ofOuter, outer);
  into[1] = _mm512_permutexvar_epi8(ofInner, inner);
  into[2] = _mm512_permutexvar_epi8(_mm512_srli_epi16(ofOuter, 4), outer);
  into[3] = _mm512_permutexvar_epi8(_mm512_srli_epi16(ofInner, 4), inner);
}

/** factor * (1 + 2 * q), q being `bits` bits of each element, from bit `at` on. */
template <unsigned bits = 4>
inline __m512 oddScale(__m512 factor, __m512i words, unsigned at) {
  const __m512 odd = bits == 4 ? _mm512_setr_ps(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
                               : _mm512_setr_ps(1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15);
  // An index has four bits; what stands above them does not count.
  return _mm512_mul_ps(factor, _mm512_permutexvar_ps(at == 0 ? words : _mm512_srli_epi32(words, at), odd));
}

/** What IQ1's and IQ2's odd scales are multiplied with. */
inline __m512 oddFactor(__m512 halves) { return _mm512_mul_ps(halves, _mm512_set1_ps(0.125f)); }

/** What the digits of a block's points are looked up by. */
template <size_t bits>
struct Indexes {
  __m512i low;
  __mmask64 upper[bits];
};

/** As lookUpBytes, for two blocks: a table's registers are loaded once for both. */
template <size_t size, size_t bits>
[[gnu::always_inline]] inline void lookUpTwo(const uint8_t (&table)[size], const Indexes<bits> (&of)[2],
                                             __m512i (&into)[2]) {
  static_assert(size == size_t{128} << bits, "a bit for each doubling");
  __m512i found[2][size / 128];
#pragma GCC unroll 16
  for (size_t i = 0; i < size / 128; i++) {
    __m512i a = _mm512_load_si512(table + 128 * i), b = _mm512_load_si512(table + 128 * i + 64);
    // Else the compiler loads them for each block.
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 2
    for (size_t n = 0; n < 2; n++) {
      found[n][i] = _mm512_permutex2var_epi8(a, of[n].low, b);
      // Blended as soon as both are there: few registers wait.
#pragma GCC unroll 4
      for (size_t bit = 0; bit < bits; bit++) {
        const size_t reach = size_t{2} << bit;
        if ((i + 1) % reach != 0) break;
        const size_t at = i + 1 - reach;
        found[n][at] = _mm512_mask_mov_epi8(found[n][at], of[n].upper[bit], found[n][at + reach / 2]);
      }
    }
  }
  into[0] = found[0][0];
  into[1] = found[1][0];
}

struct LanesIQ2_XXS : OfBytes {
  static constexpr size_t kColumns = 256, kBytes = 66;
  static constexpr bool kHalves = false, kNextFirst = false;
  static constexpr int kShift = 0, kBias = 64;
  using Inputs = ByPoints;

  LanesIQ2_XXS(const uint8_t* const* rows, size_t offset) : factor_(oddFactor(halvesInLanes(rows, offset))) {
    gatherThirtyTwo(rows, offset + 2, words_[0], words_[1]);
    gatherThirtyTwo(rows, offset + 34, words_[2], words_[3]);
  }
  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
#pragma GCC unroll 4
    for (size_t pair = 0; pair < 4; pair++) {
      Indexes<1> indexes[2];
      __m512i first[2], second[2];
#pragma GCC unroll 2
      for (size_t n = 0; n < 2; n++) {
        const __m512i points = words_[pair][2 * n];
        indexes[n] = {points, {_mm512_movepi8_mask(points)}};
      }
      lookUpTwo(kDigitsBesideSignsIq2Xxs.first, indexes, first);
      lookUpTwo(kDigitsBesideSignsIq2Xxs.second, indexes, second);
#pragma GCC unroll 2
      for (size_t n = 0; n < 2; n++) {
        const __m512i signs = signsOfWords(words_[pair][2 * n + 1]);
        __m512i a[4], b[4];
        fourWeights(first[n], signs, a);
        fourWeights(second[n], _mm512_srli_epi16(signs, 2), b);
        const __m512i quants[8] = {a[0], a[1], b[0], b[1], a[2], a[3], b[2], b[3]};
        use(2 * pair + n, quants);
      }
    }
  }
  __m512 scale(size_t block, size_t) const { return oddScale(factor_, signsOf(block), 28); }

 private:
  __m512 factor_;
  __m512i words_[4][4];

  __m512i signsOf(size_t block) const { return words_[block / 2][block % 2 * 2 + 1]; }
};

/** Types whose blocks' halves have a scale each: of an element two bytes are weights 2 further on than the others. */
template <class Lanes>
struct HalvedIQ2 : OfBytes {
  static constexpr size_t kColumns = 256;
  static constexpr bool kHalves = true, kNextFirst = false;
  static constexpr int kShift = 0, kBias = 64;
  using Inputs = InPairs;

  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
#pragma GCC unroll 4
    for (size_t pair = 0; pair < 4; pair++) {
      __m512i first[2], second[2], signs[2];
      static_cast<const Lanes*>(this)->points(pair, first, second, signs);
#pragma GCC unroll 2
      for (size_t n = 0; n < 2; n++) {
        // The other half's points, and signs of weights two further on.
        const __m512i otherSecond = _mm512_rol_epi32(second[n], 16), otherSigns = _mm512_ror_epi32(signs[n], 18);
        __m512i a[4], b[4];
        fourWeights(upperWords(first[n], otherSecond), upperWords(signs[n], otherSigns), a);
        fourWeights(upperWords(otherSecond, first[n]), upperWords(otherSigns, signs[n]), b);
        const __m512i quants[8] = {a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
        use(2 * pair + n, quants);
      }
    }
  }
  __m512 scale(size_t block, size_t half) const {
    return oddScale(factor_, scales_[block / 4], static_cast<unsigned>(block % 4 * 8 + half * 4));
  }

 protected:
  __m512 factor_;
  __m512i scales_[2];
};

/** Bytes `byte` and `byte` + 2 of each element of two registers. */
constexpr ByteOrder bytesOfBoth(size_t byte) {
  ByteOrder order{};
  for (size_t i = 0; i < 64; i++) order.of[i] = static_cast<uint8_t>(i / 2 % 2 * 64 + i / 4 * 4 + i % 2 * 2 + byte);
  return order;
}
constexpr ByteOrder kEvenBytes = bytesOfBoth(0), kOddBytes = bytesOfBoth(1);

struct LanesIQ2_XS : HalvedIQ2<LanesIQ2_XS> {
  static constexpr size_t kBytes = 74;

  LanesIQ2_XS(const uint8_t* const* rows, size_t offset) {
    factor_ = oddFactor(halvesInLanes(rows, offset));
    gatherThirtyTwo(rows, offset + 2, words_[0], words_[1]);
    gatherThirtyTwo(rows, offset + 34, words_[2], words_[3]);
    __m512i last[4];
    gatherSixteen(rows, offset + 58, last);
    scales_[0] = last[2];
    scales_[1] = last[3];
  }
  [[gnu::always_inline]] inline void points(size_t pair, __m512i (&first)[2], __m512i (&second)[2],
                                            __m512i (&signs)[2]) const {
    Indexes<2> indexes[2];
#pragma GCC unroll 2
    for (size_t n = 0; n < 2; n++) {
      const __m512i a = words_[pair][2 * n], b = words_[pair][2 * n + 1];
      const __m512i low = _mm512_permutex2var_epi8(a, kEvenBytes.load(), b);
      const __m512i high = _mm512_permutex2var_epi8(a, kOddBytes.load(), b);
      indexes[n] = {low, {_mm512_movepi8_mask(low), _mm512_test_epi8_mask(high, _mm512_set1_epi8(1))}};
      signs[n] = withEighthSigns(_mm512_srli_epi16(high, 1));
    }
    lookUpTwo(kDigitsBesideSignsIq2Xs.first, indexes, first);
    lookUpTwo(kDigitsBesideSignsIq2Xs.second, indexes, second);
  }

 private:
  __m512i words_[4][4];
};

struct LanesIQ2_S : HalvedIQ2<LanesIQ2_S> {
  static constexpr size_t kBytes = 82;

  LanesIQ2_S(const uint8_t* const* rows, size_t offset) {
    factor_ = oddFactor(halvesInLanes(rows, offset));
    gatherThirtyTwo(rows, offset + 2, low_[0], low_[1]);
    gatherThirtyTwo(rows, offset + 34, signs_[0], signs_[1]);
    __m512i last[4];
    gatherSixteen(rows, offset + 66, last);
    for (size_t i = 0; i < 2; i++) {
      high_[i] = last[i];
      scales_[i] = last[2 + i];
    }
  }
  [[gnu::always_inline]] inline void points(size_t pair, __m512i (&first)[2], __m512i (&second)[2],
                                            __m512i (&signs)[2]) const {
    Indexes<3> indexes[2];
#pragma GCC unroll 2
    for (size_t n = 0; n < 2; n++) {
      const size_t word = pair % 2 * 2 + n;
      const __m512i low = low_[pair / 2][word];
      // Two more bits of four points stand in a byte.
      const int of = static_cast<int>(word) * 0x01010101;
      const __m512i fours =
          _mm512_shuffle_epi8(high_[pair / 2], everyLane(of, of + 0x04040404, of + 0x08080808, of + 0x0c0c0c0c));
      indexes[n] = {low,
                    {_mm512_movepi8_mask(low), _mm512_test_epi8_mask(fours, _mm512_set1_epi32(0x40100401)),
                     _mm512_test_epi8_mask(fours, _mm512_set1_epi32(static_cast<int32_t>(0x80200802)))}};
      signs[n] = signs_[pair / 2][word];
    }
    lookUpTwo(kDigitsBesideSignsIq2S.first, indexes, first);
    lookUpTwo(kDigitsBesideSignsIq2S.second, indexes, second);
  }

 private:
  __m512i low_[2][4], signs_[2][4], high_[2];
};

}  // namespace
}  // namespace flashrow
