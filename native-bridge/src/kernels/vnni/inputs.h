#pragma once

// Inputs as 16-bit integers. Part of vnni.cc.

#include <immintrin.h>

#include <cstring>
#include <limits>

#include "kernels/integer_products.h"

namespace flashrow {
namespace {

/** Most blocks of a row in one AVX-512 register: four of them, 16 bytes of each. */
constexpr size_t kGroupBlocks = 4;

/** Most tokens whose products are made with weights in registers. Beyond, unpacking a panel of rows pays. */
constexpr size_t kFewTokens = 16;

/** Four bytes in all elements. */
inline __m512i fourInAll(const void* from) {
  int32_t four;
  std::memcpy(&four, from, 4);
  return _mm512_set1_epi32(four);
}

/** One block: x = scale * q. */
struct QuantizedBlock {
  /** Columns 0 to 15, and 16 to 31. */
  __m512i first, second;
  float scale;
  int32_t sums[2];

  int32_t sum() const { return sums[0] + sums[1]; }
  float total(int32_t of) const { return scale * static_cast<float>(of); }
};

inline QuantizedBlock quantizeBlock(const float* x) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const __m512 sizeA = _mm512_abs_ps(a), sizeB = _mm512_abs_ps(b);
  const __m512 most = _mm512_set1_ps(std::numeric_limits<float>::max());
  const unsigned finite = _mm512_cmp_ps_mask(sizeA, most, _CMP_LE_OQ) & _mm512_cmp_ps_mask(sizeB, most, _CMP_LE_OQ);
  // Whatever is multiplied with such a block is not a number.
  if (finite != 0xffff) {
    return {_mm512_setzero_si512(), _mm512_setzero_si512(), std::numeric_limits<float>::quiet_NaN(), {0, 0}};
  }
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(sizeA, sizeB));
  const float maximum = largest > kLeastMaximum ? largest : kLeastMaximum;
  const __m512 inverse = _mm512_set1_ps(kLargest / maximum);
  const __m512i first = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
  const __m512i second = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
  return {first, second, maximum / kLargest, {_mm512_reduce_add_epi32(first), _mm512_reduce_add_epi32(second)}};
}

/**
 * One token's inputs, four blocks at a time: q = 256 * high + low. Both are signed bytes, so that products with bytes
 * make products with q. Lane j of each register is block j's; scales and sums stand in all four elements of the lane.
 */
struct alignas(64) OneTokenGroup {
  int8_t high[2][64];
  int8_t low[2][64];
  /** Of columns 0 to 15, and of 16 to 31. */
  int32_t sumsOf[2][16];
  float scalesOf[16];
  /** scale * sum: what a minimum is multiplied with. */
  float totalsOf[16];
  /** The same of columns 0 to 15, and of 16 to 31. */
  float halfTotalsOf[2][16];
  /** What vbmi.cc looks for: high and low bytes again, block j's from 32 * j on, and multiples of its halves' sums. */
  int8_t points[2][128], pairs[2][128], quarters[2][128];
  int32_t sums9[2][4], sums64[2][4];

  float scaleOf(size_t block) const { return scalesOf[4 * block]; }
  __m512 scales() const { return _mm512_load_ps(scalesOf); }
  __m512 totals() const { return _mm512_load_ps(totalsOf); }
  __m512 halfTotals(size_t half) const { return _mm512_load_ps(halfTotalsOf[half]); }
  /** `bias` times the sum of the inputs of a half, or of both. */
  template <int bias>
  __m512i biasOfHalf(size_t half) const {
    return _mm512_mullo_epi32(_mm512_load_si512(sumsOf[half]), _mm512_set1_epi32(bias));
  }
  template <int bias>
  __m512i biasOfBoth() const {
    const __m512i sums = _mm512_add_epi32(_mm512_load_si512(sumsOf[0]), _mm512_load_si512(sumsOf[1]));
    return _mm512_mullo_epi32(sums, _mm512_set1_epi32(bias));
  }
};

/** Element j of four in all elements of lane j. */
inline __m512 inLanes(__m128 four) {
  return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                               _mm512_castps128_ps512(four));
}
inline __m512i inLanes(__m128i four) { return _mm512_castps_si512(inLanes(_mm_castsi128_ps(four))); }

/** The same of one of a few tokens, in the bytes that ManyTokensBlock takes: the tokens of a tile stay in L1. */
struct alignas(64) FewTokensGroup {
  int8_t high[2][64];
  int8_t low[2][64];
  float scalesOf[4];
  float totalsOf[4];
  int32_t sumsOf[2][4];

  __m512 scales() const { return inLanes(_mm_load_ps(scalesOf)); }
  __m512 totals() const { return inLanes(_mm_load_ps(totalsOf)); }
  __m512 halfTotals(size_t half) const {
    return inLanes(_mm_mul_ps(_mm_load_ps(scalesOf), _mm_cvtepi32_ps(sumOf(half))));
  }
  template <int bias>
  __m512i biasOfHalf(size_t half) const {
    return inLanes(_mm_mullo_epi32(sumOf(half), _mm_set1_epi32(bias)));
  }
  template <int bias>
  __m512i biasOfBoth() const {
    return inLanes(_mm_mullo_epi32(_mm_add_epi32(sumOf(0), sumOf(1)), _mm_set1_epi32(bias)));
  }

 private:
  __m128i sumOf(size_t half) const { return _mm_load_si128(reinterpret_cast<const __m128i*>(sumsOf[half])); }
};
static_assert(sizeof(FewTokensGroup) == kGroupBlocks * kIntegerBlockBytes, "plans reckon with this size");

/** The products of up to 16 rows, from `first` on, with a token; `count` rows are left. */
inline void putSixteen(__m512 products, size_t first, size_t count, size_t token, const Products& out) {
  const __mmask16 rows = count < 16 ? static_cast<__mmask16>((1u << count) - 1) : 0xffff;
  size_t place = first;
  if (out.index != nullptr) {
    place = out.index[first];
    const __m512i inOrder = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(place)),
                                             _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m512i places = _mm512_maskz_loadu_epi32(rows, out.index + first);
    if (_mm512_mask_cmpneq_epi32_mask(rows, places, inOrder) != 0) {
      float each[16];
      _mm512_storeu_ps(each, products);
      for (size_t r = 0; r < 16 && r < count; r++) put(out, first + r, token, each[r]);
      return;
    }
  }
  float* const into = out.base + token * out.stride + place;
  _mm512_mask_storeu_ps(into, rows, out.add ? _mm512_add_ps(_mm512_maskz_loadu_ps(rows, into), products) : products);
}

constexpr size_t groupsOf(size_t columns) { return (columns / kBlock + kGroupBlocks - 1) / kGroupBlocks; }

inline void put(const QuantizedBlock& block, size_t lane, OneTokenGroup& into) {
  for (size_t half = 0; half < 2; half++) {
    _mm_store_ps(into.halfTotalsOf[half] + 4 * lane, _mm_set1_ps(block.total(block.sums[half])));
    _mm_store_si128(reinterpret_cast<__m128i*>(into.sumsOf[half] + 4 * lane), _mm_set1_epi32(block.sums[half]));
  }
  _mm_store_ps(into.scalesOf + 4 * lane, _mm_set1_ps(block.scale));
  _mm_store_ps(into.totalsOf + 4 * lane, _mm_set1_ps(block.total(block.sum())));
}

inline void put(const QuantizedBlock& block, size_t lane, FewTokensGroup& into) {
  into.scalesOf[lane] = block.scale;
  into.totalsOf[lane] = block.total(block.sum());
  for (size_t half = 0; half < 2; half++) into.sumsOf[half][lane] = block.sums[half];
}

template <class InputGroup>
void quantizeGroups(const float* x, size_t columns, InputGroup* into) {
  const size_t blocks = columns / kBlock;
  for (size_t b = 0; b < groupsOf(columns) * kGroupBlocks; b++) {
    InputGroup& group = into[b / kGroupBlocks];
    const size_t lane = b % kGroupBlocks;
    QuantizedBlock block{_mm512_setzero_si512(), _mm512_setzero_si512(), 0, {0, 0}};
    if (b < blocks) block = quantizeBlock(x + b * kBlock);
    const __m512i halves[2] = {block.first, block.second};
    for (size_t half = 0; half < 2; half++) {
      const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(halves[half], _mm512_set1_epi32(128)), 8);
      _mm_store_si128(reinterpret_cast<__m128i*>(group.high[half] + 16 * lane), _mm512_cvtepi32_epi8(high));
      // The lowest byte of q is that of q - 256 * high.
      _mm_store_si128(reinterpret_cast<__m128i*>(group.low[half] + 16 * lane), _mm512_cvtepi32_epi8(halves[half]));
    }
    put(block, lane, group);
  }
}

/**
 * A block of one of many tokens. Pairs of 16-bit integers stand in the order in which unpacking leaves weights: step 4k
 * + s holds columns c and c + 2, where c = 4k, 4k + 16, 4k + 1, 4k + 17 for s = 0 to 3.
 */
struct ManyTokensBlock {
  int16_t pairs[16][2];
  float scale, total;
  /** Of columns 0 to 15, and of 16 to 31. */
  float halfTotals[2];
};
static_assert(sizeof(ManyTokensBlock) == kIntegerBlockBytes, "plans reckon with this size");

/** An odd number of cache lines, so that neighbouring tokens fall into different L1 sets. */
constexpr size_t manyTokensStride(size_t columns) {
  return ((columns / kBlock * sizeof(ManyTokensBlock) + 63) / 64 | 1) * 64;
}

inline void quantizeManyTokens(const float* x, size_t columns, ManyTokensBlock* into) {
  const __m512i order = _mm512_set_epi16(31, 29, 15, 13, 30, 28, 14, 12, 27, 25, 11, 9, 26, 24, 10, 8,  //
                                         23, 21, 7, 5, 22, 20, 6, 4, 19, 17, 3, 1, 18, 16, 2, 0);
  for (size_t b = 0; b < columns / kBlock; b++) {
    const QuantizedBlock block = quantizeBlock(x + b * kBlock);
    const __m512i words = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(block.first)),
                                             _mm512_cvtepi32_epi16(block.second), 1);
    _mm512_storeu_si512(into[b].pairs, _mm512_permutexvar_epi16(order, words));
    into[b].scale = block.scale;
    into[b].total = block.total(block.sum());
    for (size_t half = 0; half < 2; half++) into[b].halfTotals[half] = block.total(block.sums[half]);
  }
}

}  // namespace
}  // namespace flashrow
