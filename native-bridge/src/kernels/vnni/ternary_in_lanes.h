#pragma once

// TQ1_0 with a row in each lane. Part of vbmi.cc.

#include "kernels/vnni/one_token_lanes.h"
#include "kernels/vnni/vbmi_few_bit_blocks.h"

namespace flashrow {
namespace {

struct LanesTQ1_0 : OfBytes {
  static constexpr size_t kColumns = 256, kBytes = 54;
  static constexpr bool kHalves = false, kNextFirst = false;
  static constexpr int kShift = 0, kBias = 1;
  using Inputs = Ordered;

  LanesTQ1_0(const uint8_t* const* rows, size_t offset) {
    gatherThirtyTwo(rows, offset, words_[0], words_[1]);
    gatherSixteen(rows, offset + 32, words_[2]);
    // Bytes 48 to 51 are the last digits, then comes the scale.
    __m512i last[4];
    gatherSixteen(rows, offset + 38, last);
    last_ = _mm512_or_si512(_mm512_srli_epi32(last[2], 16), _mm512_slli_epi32(last[3], 16));
    scale_ = lowerHalves(_mm512_srli_epi32(last[3], 16));
  }
  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
    __m512i digits[8], quants[8];
#pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++) digits[k] = lookUp(kTernaryDigits.four, words_[k / 4][k % 4]);
#pragma GCC unroll 4
    for (unsigned n = 0; n < 4; n++) {
#pragma GCC unroll 8
      for (size_t k = 0; k < 8; k++) quants[k] = digit(digits[k], n);
      use(n, quants);
    }
#pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++) quants[k] = lookUp(kTernaryDigits.fifth, words_[k / 4][k % 4]);
    use(4, quants);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) digits[k] = lookUp(kTernaryDigits.four, words_[2][k]);
#pragma GCC unroll 2
    for (unsigned n = 0; n < 4; n += 2) {
#pragma GCC unroll 8
      for (size_t k = 0; k < 8; k++) quants[k] = digit(digits[k % 4], n + k / 4);
      use(5 + n / 2, quants);
    }
    const __m512i last = lookUp(kTernaryDigits.four, last_);
#pragma GCC unroll 8
    for (unsigned k = 0; k < 8; k++) {
      quants[k] = k < 4 ? lookUp(kTernaryDigits.fifth, words_[2][k]) : digit(last, k - 4);
    }
    use(7, quants);
  }
  __m512 scale(size_t, size_t) const { return scale_; }

 private:
  __m512 scale_;
  __m512i words_[3][4], last_;

  static __m512i lookUp(const uint8_t (&table)[256], __m512i bytes) {
    const __mmask64 upper[1] = {_mm512_movepi8_mask(bytes)};
    return lookUpBytes(table, bytes, upper);
  }
  static __m512i digit(__m512i digits, unsigned n) {
    return _mm512_and_si512(n == 0 ? digits : _mm512_srli_epi16(digits, 2 * n), _mm512_set1_epi8(3));
  }
};

}  // namespace
}  // namespace flashrow
