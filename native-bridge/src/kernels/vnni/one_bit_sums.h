#pragma once

// Q1_0 by sums of four inputs. Part of vbmi.cc.

#include "kernels/vnni/one_token_lanes.h"

namespace flashrow {
namespace {

/**
 * One token's inputs, four blocks at a time, as sums for each pattern of four bits (J. Wei et al., "T-MAC", 2024). An
 * input counts by its size where its bit agrees with its sign, so that no sum is negative. The 17 bits of each stand in
 * three planes of bytes. Entry 16 * i + e of a plane is pattern e's, of columns 8 * i to 8 * i + 3 for the lower halves
 * of bytes, and of 8 * i + 4 to 8 * i + 7 for the upper ones.
 */
struct alignas(64) SumsGroup {
  uint8_t planes[kGroupBlocks][2][3][64];
  /** Twice a sum is this much more than the products of its signs. */
  int32_t sizes[kGroupBlocks];
  float scales[kGroupBlocks];

  float scaleOf(size_t block) const { return scales[block]; }
};

/** Of 16 columns' positive and negative parts, those that a table of four columns from 4 * table on adds up. */
[[gnu::always_inline]] inline __m512i sumsOfFour(__m512i positive, __m512i negative, int table) {
  const __m512i patterns = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i sums = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    // Bit i of a pattern chooses between two registers.
    const __m512i chosen =
        _mm512_and_si512(_mm512_slli_epi32(patterns, static_cast<unsigned>(4 - i)), _mm512_set1_epi32(16));
    const __m512i from = _mm512_or_si512(chosen, _mm512_set1_epi32(4 * table + i));
    sums = _mm512_add_epi32(sums, _mm512_permutex2var_epi32(negative, from, positive));
  }
  return sums;
}

/** Byte `plane` of each element of two registers, two times. */
constexpr ByteOrder bytesOfPlane(size_t plane) {
  ByteOrder order{};
  for (size_t i = 0; i < 64; i++) order.of[i] = static_cast<uint8_t>(i / 16 % 2 * 64 + i % 16 * 4 + plane);
  return order;
}
constexpr ByteOrder kPlanes[3] = {bytesOfPlane(0), bytesOfPlane(1), bytesOfPlane(2)};

inline void sumUp(const OneTokenGroup& x, SumsGroup& into) {
  for (size_t block = 0; block < kGroupBlocks; block++) {
    __m512i tables[2][4], sizes = _mm512_setzero_si512();
#pragma GCC unroll 2
    for (size_t half = 0; half < 2; half++) {
      const auto wide = [&](const int8_t (&bytes)[64]) {
        return _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes + 16 * block)));
      };
      const __m512i q = _mm512_add_epi32(_mm512_slli_epi32(wide(x.high[half]), 8), wide(x.low[half]));
      const __m512i positive = _mm512_max_epi32(q, _mm512_setzero_si512());
      const __m512i negative = _mm512_sub_epi32(positive, q);
      sizes = _mm512_add_epi32(sizes, _mm512_add_epi32(positive, negative));
#pragma GCC unroll 4
      for (int table = 0; table < 4; table++) {
        tables[table % 2][2 * half + static_cast<size_t>(table / 2)] = sumsOfFour(positive, negative, table);
      }
    }
#pragma GCC unroll 2
    for (size_t nibble = 0; nibble < 2; nibble++) {
      const __m512i(&of)[4] = tables[nibble];
#pragma GCC unroll 3
      for (size_t plane = 0; plane < 3; plane++) {
        const __m512i order = kPlanes[plane].load();
        const __m512i first = _mm512_permutex2var_epi8(of[0], order, of[1]);
        const __m512i second = _mm512_permutex2var_epi8(of[2], order, of[3]);
        _mm512_store_si512(into.planes[block][nibble][plane], _mm512_mask_blend_epi64(0xf0, first, second));
      }
    }
    into.sizes[block] = _mm512_reduce_add_epi32(sizes);
    into.scales[block] = x.scaleOf(block);
  }
}

struct LanesQ1_0 {
  static constexpr size_t kColumns = 128, kBytes = 18;
  static constexpr bool kHalves = false, kNextFirst = true;
  using Group = SumsGroup;

  LanesQ1_0(const uint8_t* const* rows, size_t offset) : scale_(halvesOf(rows, offset)) {
    gatherSixteen(rows, offset + 2, words_);
  }
  template <class Use>
  [[gnu::always_inline]] inline void eachBlock(const Use& use) const {
#pragma GCC unroll 4
    for (size_t block = 0; block < 4; block++) use(block, words_[block]);
  }
  __m512 scale(size_t, size_t) const { return scale_; }

 private:
  __m512 scale_;
  __m512i words_[4];
};

/** The exact sums of a block, whose bits count as 1 or -1. */
template <class Lanes, size_t, size_t>
[[gnu::always_inline]] inline __m512 sumsOf(const SumsGroup& x, size_t block, __m512i bits) {
  const __m512i four = _mm512_set1_epi8(15), tables = _mm512_set1_epi32(0x30201000), ones = _mm512_set1_epi8(1);
  // Four bits of each byte, and its place in the element.
  const auto entries = [&](__m512i of) { return _mm512_ternarylogic_epi32(of, four, tables, 0xea); };
  const __m512i lower = entries(bits), upper = entries(_mm512_srli_epi16(bits, 4));
  __m512i sums = _mm512_setzero_si512();
#pragma GCC unroll 3
  for (size_t plane = 3; plane-- > 0;) {
    const auto add = [&](size_t nibble, __m512i of) {
      const __m512i found = _mm512_permutexvar_epi8(of, _mm512_load_si512(x.planes[block][nibble][plane]));
      sums = _mm512_dpbusd_epi32(sums, found, ones);
    };
    add(0, lower);
    add(1, upper);
    sums = _mm512_slli_epi32(sums, plane > 0 ? 8 : 1);
  }
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_set1_epi32(x.sizes[block])));
}

/** With fewer rows than this, groups of four are as fast. */
constexpr size_t kLeastBySums = 64;
constexpr size_t kMostColumnsBySums = kKernelScratchBytes / sizeof(SumsGroup) * kGroupBlocks * kBlock;

/** As oneTokenByLanes, with sums in `scratch`. False where that does not pay: then nothing is written. */
[[gnu::flatten]] inline bool oneTokenBySums(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs,
                                            const Products& out, void* scratch) {
  if (count < kLeastBySums || columns > kMostColumnsBySums) return false;
  auto* const sums = static_cast<SumsGroup*>(scratch);
  const auto* const x = reinterpret_cast<const OneTokenGroup*>(inputs);
  for (size_t i = 0; i < groupsOf(columns); i++) sumUp(x[i], sums[i]);
  for (size_t row = 0; row < count; row += 16) oneTokenInLanes<LanesQ1_0>(rows, row, count, columns, sums, out);
  return true;
}

}  // namespace
}  // namespace flashrow
