#pragma once

// Q2_0 and TQ1_0 as integers, taken apart by permutations of bytes. Part of vbmi.cc.

#include "kernels/vnni/grid_blocks.h"

namespace flashrow {
namespace {

/** A table of bytes, 64 indexes at once: a permutation looks at seven bits of each. Bit 7 + i of them is upper[i]. */
template <size_t size, size_t bits>
inline __m512i lookUpBytes(const uint8_t (&table)[size], __m512i indexes, const __mmask64 (&upper)[bits]) {
  static_assert(size == size_t{128} << bits, "a bit for each doubling");
  __m512i found[size / 128];
#pragma GCC unroll 8
  for (size_t i = 0; i < size / 128; i++) {
    found[i] =
        _mm512_permutex2var_epi8(_mm512_load_si512(table + 128 * i), indexes, _mm512_load_si512(table + 128 * i + 64));
  }
#pragma GCC unroll 4
  for (size_t bit = 0; bit < bits; bit++) {
#pragma GCC unroll 8
    for (size_t i = 0; i < size / 256 >> bit; i++) {
      found[i] = _mm512_mask_mov_epi8(found[2 * i], upper[bit], found[2 * i + 1]);
    }
  }
  return found[0];
}

struct PermutedQ2_0 : WeightsOf<BlockQ2_0> {
  using FourRows = RowsOfSmallBlocks<BlockQ2_0, PermutedQ2_0>;

  /** The four words of a block stand twice in its lane. */
  static Quants quants(const uint8_t* from, size_t g) {
    const __m512i order =
        fourLanes(_mm_setr_epi16(1, 2, 3, 4, 1, 2, 3, 4), _mm_setr_epi16(5, 6, 7, 8, 5, 6, 7, 8),
                  _mm_setr_epi16(10, 11, 12, 13, 10, 11, 12, 13), _mm_setr_epi16(14, 15, 16, 17, 14, 15, 16, 17));
    const __m512i words = _mm512_permutexvar_epi16(order, _mm512_maskz_loadu_epi16(firstWords(18), from + 36 * g));
    const auto pairs = [&](long long low, long long high) {
      const __m512i shifts = _mm512_broadcast_i32x4(_mm_set_epi64x(high, low));
      return _mm512_and_si512(_mm512_multishift_epi64_epi8(shifts, words), _mm512_set1_epi8(3));
    };
    return {pairs(0x0e0c0a0806040200, 0x1e1c1a1816141210), pairs(0x2e2c2a2826242220, 0x3e3c3a3836343230)};
  }
};

/** For each byte of TQ1_0: its first four digits in base 3, two bits each; and the fifth. */
struct alignas(64) TernaryDigits {
  uint8_t four[256], fifth[256];
};

constexpr TernaryDigits ternaryDigits() {
  TernaryDigits digits{};
  for (unsigned byte = 0; byte < 256; byte++) {
    unsigned rest = byte;
    unsigned found = 0;
    for (unsigned n = 0; n < 5; n++) {
      if (n == 4) digits.fifth[byte] = static_cast<uint8_t>(rest * 3 >> 8);
      found |= (rest * 3 >> 8) << (2 * n);
      rest = rest * 3 & 0xff;
    }
    digits.four[byte] = static_cast<uint8_t>(found & 0xff);
  }
  return digits;
}

constexpr TernaryDigits kTernaryDigits = ternaryDigits();

struct PermutedTQ1_0 : WeightsOf<BlockTQ1_0> {
  /** Four rows' digits, looked up first. */
  class FourRows {
   public:
    SuperScales scales;

    FourRows(const uint8_t* const* rows, size_t offset, size_t) : scales(PermutedTQ1_0::scales(rows, offset)) {
      for (size_t r = 0; r < 4; r++) {
        const __m512i bytes = _mm512_maskz_loadu_epi8((uint64_t{1} << 52) - 1, rows[r] + offset);
        const __mmask64 upper[1] = {_mm512_movepi8_mask(bytes)};
        four_[r] = lookUpBytes(kTernaryDigits.four, bytes, upper);
        fifth_[r] = lookUpBytes(kTernaryDigits.fifth, bytes, upper);
      }
    }
    Quants quants(size_t r, size_t g) const {
      const __m512i four = four_[r];
      if (g == 0) {
        const __m512i rising = fourLanes(_mm_set1_epi32(0), _mm_set1_epi32(2), _mm_set1_epi32(4), _mm_set1_epi32(6));
        return {take(_mm512_shuffle_i32x4(four, four, 0x00), rising),
                take(_mm512_shuffle_i32x4(four, four, 0x55), rising)};
      }
      // Fifth digits of 32 bytes; all digits of 16; four digits of the last four.
      const auto from = [&](__m512i order) { return _mm512_permutex2var_epi32(four, order, fifth_[r]); };
      return {take(from(_mm512_setr_epi32(16, 17, 18, 19, 8, 9, 10, 11, 8, 9, 10, 11, 24, 25, 26, 27)),
                   _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0)),
              take(from(_mm512_setr_epi32(20, 21, 22, 23, 8, 9, 10, 11, 8, 9, 10, 11, 12, 12, 12, 12)),
                   _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 0, 2, 4, 6))};
    }

   private:
    __m512i four_[4], fifth_[4];

    static __m512i take(__m512i digits, __m512i shifts) {
      return _mm512_and_si512(_mm512_srlv_epi32(digits, shifts), _mm512_set1_epi8(3));
    }
  };
};

}  // namespace
}  // namespace flashrow
