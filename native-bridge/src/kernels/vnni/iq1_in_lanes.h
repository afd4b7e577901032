#pragma once

// IQ1 with a row in each lane. Part of vbmi.cc.

#include "kernels/vnni/grids_in_lanes.h"

namespace flashrow {
namespace {

/** Two blocks' points: the low eight bits of their places, and bytes whose lowest three bits are the others. */
struct Iq1Places {
  __m512i low[2], upper[2];
};

/** Digits of weights 0 to 3, and of 4 to 7, two bits each. */
[[gnu::always_inline]] inline void iq1DigitsOf(const Iq1Places& places, __m512i (&first)[2], __m512i (&second)[2]) {
  Indexes<4> indexes[2];
#pragma GCC unroll 2
  for (size_t n = 0; n < 2; n++) {
    const __m512i low = places.low[n], upper = places.upper[n];
    const auto bit = [&](char mask) { return _mm512_test_epi8_mask(upper, _mm512_set1_epi8(mask)); };
    indexes[n] = {low, {_mm512_movepi8_mask(low), bit(1), bit(2), bit(4)}};
    const __m512i sixteens = pick(0x0f0f0f0f, _mm512_srli_epi16(low, 4), _mm512_slli_epi16(upper, 4));
    const auto ofSixteen = [&](const uint8_t (&table)[128]) {
      return _mm512_permutex2var_epi8(_mm512_load_si512(table), sixteens, _mm512_load_si512(table + 64));
    };
    const __mmask64 changed =
        _mm512_cmpge_epu8_mask(_mm512_and_si512(low, _mm512_set1_epi8(15)), ofSixteen(kIq1Digits.change));
    second[n] = _mm512_mask_mov_epi8(ofSixteen(kIq1Digits.high[0]), changed, ofSixteen(kIq1Digits.high[1]));
  }
  lookUpTwo(kIq1Digits.low, indexes, first);
}

/** Half of 8 * digit + 2 of each weight, less 1 where it moves down: `up` has a bit in each byte, the lowest. */
inline void fourTernary(__m512i digits, __m512i up, __m512i (&into)[4]) {
  const __m512i twice = _mm512_add_epi8(digits, digits);
  into[0] = pick(0x0c0c0c0c, _mm512_add_epi8(twice, twice), up);
  into[1] = pick(0x0c0c0c0c, digits, up);
  into[2] = pick(0x0c0c0c0c, _mm512_srli_epi16(digits, 2), up);
  into[3] = pick(0x0c0c0c0c, _mm512_srli_epi16(digits, 4), up);
}

/** Bits of each word of four points, from bit `at` of it on, every `bits` of them to a byte. */
inline __m512i fromWords(__m512i words, unsigned at, unsigned bits) {
  uint64_t starts = 0;
  for (unsigned i = 0; i < 8; i++) starts |= uint64_t{32 * (i / 4) + at + bits * (i % 4)} << (8 * i);
  return _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<long long>(starts)), words);
}

struct LanesIQ1 : OfBytes {
  static constexpr size_t kColumns = 256;
  static constexpr bool kNextFirst = false;
  static constexpr int kShift = -1, kBias = 9;

 protected:
  __m512 factor_;
  /** Low bits of the points of a block in each; the others' words, two blocks in each. */
  __m512i low_[2][4], upper_[4];
};

struct LanesIQ1_S : LanesIQ1 {
  static constexpr size_t kBytes = 50;
  static constexpr bool kHalves = false;
  using Inputs = ByPoints;

  LanesIQ1_S(const uint8_t* const* rows, size_t offset) {
    factor_ = oddFactor(halvesInLanes(rows, offset));
    gatherThirtyTwo(rows, offset + 2, low_[0], low_[1]);
    gatherSixteen(rows, offset + 34, upper_);
  }
  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
#pragma GCC unroll 4
    for (size_t pair = 0; pair < 4; pair++) {
      const __m512i words = upper_[pair], *const low = low_[pair / 2] + pair % 2 * 2;
      __m512i first[2], second[2];
      iq1DigitsOf({{low[0], low[1]}, {fromWords(words, 0, 3), fromWords(words, 16, 3)}}, first, second);
#pragma GCC unroll 2
      for (size_t n = 0; n < 2; n++) {
        // The highest bit of a word: all weights of the block move down.
        const __m512i down = _mm512_srai_epi32(n == 0 ? _mm512_slli_epi32(words, 16) : words, 31);
        const __m512i up = _mm512_andnot_si512(down, _mm512_set1_epi8(1));
        __m512i a[4], b[4];
        fourTernary(first[n], up, a);
        fourTernary(second[n], up, b);
        const __m512i quants[8] = {a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
        use(2 * pair + n, quants);
      }
    }
  }
  __m512 scale(size_t block, size_t) const {
    return oddScale<3>(factor_, upper_[block / 2], static_cast<unsigned>(block % 2 * 16 + 12));
  }
};

struct LanesIQ1_M : LanesIQ1 {
  static constexpr size_t kBytes = 56;
  static constexpr bool kHalves = true;
  using Inputs = InQuarters;

  LanesIQ1_M(const uint8_t* const* rows, size_t offset) {
    gatherThirtyTwo(rows, offset, low_[0], low_[1]);
    gatherSixteen(rows, offset + 32, upper_);
    __m512i last[4];
    gatherSixteen(rows, offset + 40, last);
    scales_[0] = last[2];
    scales_[1] = last[3];
    // Four bits of the half in each word's highest ones, the lowest first.
    const auto four = [&](__m512i words) {
      return _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32(words, 12), _mm512_set1_epi32(0x0f)),
                             _mm512_and_si512(_mm512_srli_epi32(words, 24), _mm512_set1_epi32(0xf0)));
    };
    const __m512i halves = _mm512_or_si512(four(scales_[0]), _mm512_slli_epi32(four(scales_[1]), 8));
    factor_ = oddFactor(lowerHalves(halves));
  }
  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
#pragma GCC unroll 4
    for (size_t pair = 0; pair < 4; pair++) {
      const __m512i words = upper_[pair], *const low = low_[pair / 2] + pair % 2 * 2;
      const Iq1Places places{{low[0], low[1]}, {fromWords(words, 0, 4), fromWords(words, 16, 4)}};
      __m512i first[2], second[2];
      iq1DigitsOf(places, first, second);
#pragma GCC unroll 2
      for (size_t n = 0; n < 2; n++) {
        // The fourth bit of a point says that it moves down.
        const __m512i up = _mm512_andnot_si512(_mm512_srli_epi16(places.upper[n], 3), _mm512_set1_epi8(1));
        const __m512i other = _mm512_rol_epi32(second[n], 16), otherUp = _mm512_rol_epi32(up, 16);
        __m512i a[4], b[4];
        fourTernary(upperWords(first[n], other), upperWords(up, otherUp), a);
        fourTernary(upperWords(other, first[n]), upperWords(otherUp, up), b);
        const __m512i quants[8] = {a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
        use(2 * pair + n, quants);
      }
    }
  }
  __m512 scale(size_t block, size_t half) const {
    const size_t run = 2 * block + half;
    return oddScale<3>(factor_, scales_[run / 8], static_cast<unsigned>(run / 4 % 2 * 16 + run % 4 * 3));
  }

 private:
  __m512i scales_[2];
};

}  // namespace
}  // namespace flashrow
