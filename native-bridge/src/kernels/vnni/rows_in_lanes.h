#pragma once

// Products of 16 rows with a few tokens, with rows in the lanes. Part of vnni.cc.

#include "kernels/vnni/one_token.h"

namespace flashrow {
namespace {

/** A block of one token, of which a lane of `x` is. */
struct LaneInputs {
  const FewTokensGroup& x;
  size_t lane;

  __m512i high(size_t half, size_t k) const { return fourInAll(x.high[half] + 16 * lane + 4 * k); }
  __m512i low(size_t half, size_t k) const { return fourInAll(x.low[half] + 16 * lane + 4 * k); }
  __m512 scale() const { return _mm512_set1_ps(x.scalesOf[lane]); }
  template <int times>
  __m512i bias(size_t half) const {
    return _mm512_set1_epi32(times * x.sumsOf[half][lane]);
  }
};

/** As addProducts, of one block whose halves have a scale each. */
template <class Weights>
[[gnu::always_inline]] inline __m512 addBlock(const __m512i (&quants)[2][4], const __m512 (&scales)[2],
                                              const LaneInputs& x, __m512 sum) {
  static_assert(Weights::kAlso == Also::Scale, "with one scale, four rows at a time are as fast");
#pragma GCC unroll 2
  for (size_t half = 0; half < 2; half++) {
    __m512i high = _mm512_setzero_si512(), low = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
      high = _mm512_dpbusd_epi32(high, quants[half][k], x.high(half, k));
      low = _mm512_dpbusd_epi32(low, quants[half][k], x.low(half, k));
    }
    const __m512i products = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    const __m512 unbiased = _mm512_cvtepi32_ps(_mm512_sub_epi32(products, x.bias<Weights::kBias>(half)));
    sum = _mm512_fmadd_ps(unbiased, _mm512_mul_ps(scales[half], x.scale()), sum);
  }
  return sum;
}

/**
 * 256 columns with some tokens, whose groups are `stride` apart. A function of its own: else GCC copies what is taken
 * apart once more, ahead of the loop over tokens. They share the loads of weights: one of 64 bytes takes a cycle on
 * Zen 4.
 */
template <class Weights, size_t tokens>
[[gnu::noinline]] void addTokens(const LanesBlock* apart, const FewTokensGroup* groups, size_t stride,
                                 __m512 (*sums)[kGroupBlocks]) {
  for (size_t block = 0; block < 2 * kGroupBlocks; block++) {
    const size_t lane = block % kGroupBlocks;
    __m512i quants[2][4];
#pragma GCC unroll 2
    for (size_t half = 0; half < 2; half++) {
#pragma GCC unroll 4
      for (size_t k = 0; k < 4; k++) quants[half][k] = apart[block].quants[half][k];
    }
    const __m512 scales[2] = {apart[block].scale, apart[block].also};
#pragma GCC unroll 4
    for (size_t t = 0; t < tokens; t++) {
      const LaneInputs x{groups[t * stride + block / kGroupBlocks], lane};
      sums[t][lane] = addBlock<Weights>(quants, scales, x, sums[t][lane]);
    }
  }
}

/** 16 rows, of which fewer may be there: what is taken apart of them stays in L1 while all tokens pass. */
template <class Weights>
void rowsInLanes(const Rows& rows, size_t first, size_t total, size_t columns, const FewTokensGroup* x, size_t tokens,
                 const Products& out) {
  constexpr size_t kRows = 16;
  const size_t stride = groupsOf(columns), count = total - first < kRows ? total - first : kRows;
  const uint8_t* from[kRows];
  const uint8_t* ahead[kRows];
  for (size_t r = 0; r < kRows; r++) {
    // Past the last row the last one is computed again.
    from[r] = rows.at(first + r < total ? first + r : total - 1);
    ahead[r] = first + kRows + r < total ? rows.at(first + kRows + r) : nullptr;
  }
  LanesBlock apart[8];
  __m512 sums[kFewTokens][kGroupBlocks];
  for (size_t t = 0; t < tokens; t++) {
    for (__m512& sum : sums[t]) sum = _mm512_setzero_ps();
  }
  for (size_t step = 0; step < columns / 256; step++) {
    const size_t at = step * Weights::kBytes;
    Weights::toLanes(from, at, apart);
    const FewTokensGroup* const groups = x + 2 * step;
    const size_t pairs = (tokens + 1) / 2;
    for (size_t pair = 0, fetched = 0; pair < pairs; pair++) {
      // Between the tokens: all at once they would wait for each other.
      for (const size_t until = kRows * (pair + 1) / pairs; fetched < until; fetched++) {
        if (ahead[fetched] != nullptr) fetchLines(ahead[fetched] + at, Weights::kBytes);
      }
      const size_t t = 2 * pair;
      if (t + 1 < tokens) {
        addTokens<Weights, 2>(apart, groups + t * stride, stride, sums + t);
      } else {
        addTokens<Weights, 1>(apart, groups + t * stride, stride, sums + t);
      }
    }
  }
  for (size_t t = 0; t < tokens; t++) {
    putSixteen(_mm512_add_ps(_mm512_add_ps(sums[t][0], sums[t][1]), _mm512_add_ps(sums[t][2], sums[t][3])), first,
               count, t, out);
  }
}

}  // namespace
}  // namespace flashrow
