#pragma once

// Products of 16 rows with one token, with rows in the lanes. Part of vbmi.cc.

#include "kernels/vnni/one_token.h"

namespace flashrow {
namespace {

/** 64 bytes' order. */
struct alignas(64) ByteOrder {
  uint8_t of[64];

  __m512i load() const { return _mm512_load_si512(of); }
};

/**
 * Adds the products of four bytes of each element with four inputs. As one instruction: GCC makes two of it, and then
 * fewer blocks are under way at once.
 */
[[gnu::always_inline]] inline void addFour(__m512i& sums, __m512i quants, const int8_t* inputs) {
  struct Four {
    int8_t of[4];
  };
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sums) : "v"(quants), "m"(*reinterpret_cast<const Four*>(inputs)));
}

/**
 * One token's inputs of a block in an order of columns: four for each of eight registers of quants. Here as they stand;
 * registers 0 to 3 have columns 0 to 15.
 */
struct Ordered {
  const int8_t* of[2][2];

  Ordered(const OneTokenGroup& x, size_t block)
      : of{{x.high[0] + 16 * block, x.high[1] + 16 * block}, {x.low[0] + 16 * block, x.low[1] + 16 * block}} {}
  const int8_t* high(size_t k) const { return of[0][k / 4] + 4 * (k % 4); }
  const int8_t* low(size_t k) const { return of[1][k / 4] + 4 * (k % 4); }
};

struct Arranged {
  const int8_t (&of)[2][128];
  size_t first;

  const int8_t* high(size_t k) const { return of[0] + first + 4 * k; }
  const int8_t* low(size_t k) const { return of[1] + first + 4 * k; }
};

/** Register k has columns k, 8 + k, 16 + k and 24 + k. */
struct ByPoints : Arranged {
  ByPoints(const OneTokenGroup& x, size_t block) : Arranged{x.points, 32 * block} {}
  static constexpr size_t column(size_t k, size_t i) { return 8 * i + k; }
};

/**
 * Register k of the first half has columns c, 8 + c, 2 + c and 10 + c, where c = 0, 1, 4, 5. Of the second half the
 * pairs change places.
 */
struct InPairs : Arranged {
  InPairs(const OneTokenGroup& x, size_t block) : Arranged{x.pairs, 32 * block} {}
  static constexpr size_t column(size_t k, size_t i) {
    const size_t half = k / 4, pair = (i / 2 + half) % 2;
    return half * 16 + 8 * (i % 2) + k % 4 / 2 * 4 + k % 2 + 2 * pair;
  }
};

/** Register k of the first half has columns k, 8 + k, 4 + k and 12 + k. Of the second half the pairs change places. */
struct InQuarters : Arranged {
  InQuarters(const OneTokenGroup& x, size_t block) : Arranged{x.quarters, 32 * block} {}
  static constexpr size_t column(size_t k, size_t i) {
    const size_t half = k / 4, pair = (i / 2 + half) % 2;
    return half * 16 + 8 * (i % 2) + k % 4 + 4 * pair;
  }
};

/** The bytes of blocks 2 * pair and the next one, from both halves of a OneTokenGroup. */
template <class Order>
constexpr ByteOrder orderOf(size_t pair) {
  ByteOrder order{};
  for (size_t i = 0; i < 64; i++) {
    const size_t column = Order::column(i / 4 % 8, i % 4), lane = 2 * pair + i / 32;
    order.of[i] = static_cast<uint8_t>(column / 16 * 64 + 16 * lane + column % 16);
  }
  return order;
}
template <class Order>
constexpr ByteOrder kOrderOf[2] = {orderOf<Order>(0), orderOf<Order>(1)};

template <class Order>
void arrange(const OneTokenGroup& x, int8_t (&into)[2][128]) {
  const auto of = [&](const int8_t (&bytes)[2][64], int8_t (&ordered)[128]) {
    const __m512i first = _mm512_load_si512(bytes[0]), second = _mm512_load_si512(bytes[1]);
    for (size_t pair = 0; pair < 2; pair++) {
      _mm512_store_si512(ordered + 64 * pair, _mm512_permutex2var_epi8(first, kOrderOf<Order>[pair].load(), second));
    }
  };
  of(x.high, into[0]);
  of(x.low, into[1]);
}

/**
 * The exact sums of registers `from` to `to` of a block, whose quants are 2^kShift times what counts, less kBias times
 * the inputs' sum.
 */
template <class Lanes, size_t from, size_t to>
[[gnu::always_inline]] inline __m512 sumsOf(const OneTokenGroup& x, size_t block, const __m512i (&quants)[8]) {
  const typename Lanes::Inputs inputs(x, block);
  __m512i high = _mm512_setzero_si512(), low = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (size_t k = from; k < to; k++) {
    addFour(high, quants[k], inputs.high(k));
    addFour(low, quants[k], inputs.low(k));
  }
  constexpr int kShift = Lanes::kShift;
  const __m512i shifted = kShift < 0 ? _mm512_slli_epi32(low, static_cast<unsigned>(-kShift)) : low;
  __m512i products = _mm512_add_epi32(_mm512_slli_epi32(high, static_cast<unsigned>(8 - kShift)), shifted);
#pragma GCC unroll 2
  for (size_t half = from / 4; half < to / 4; half++) {
    static_assert(Lanes::kBias == 1 || Lanes::kBias == 9 || Lanes::kBias == 64, "inputs have no other sums");
    const int32_t sum = Lanes::kBias == 64  ? x.sums64[half][block]
                        : Lanes::kBias == 9 ? x.sums9[half][block]
                                            : x.sumsOf[half][4 * block];
    products = _mm512_sub_epi32(products, _mm512_set1_epi32(sum));
  }
  return _mm512_cvtepi32_ps(products);
}

/** The half float in the lower half of each element. */
inline __m512 lowerHalves(__m512i words) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words)); }

/** A half float of each of 16 rows, from 16 bytes that begin with it. */
inline __m512 halvesInLanes(const uint8_t* const* rows, size_t offset) {
  __m512i words[4];
  gatherSixteen(rows, offset, words);
  return lowerHalves(words[0]);
}

/** As gatherSixteen, of 32 bytes: fewer instructions than two times sixteen. */
inline void gatherThirtyTwo(const uint8_t* const* rows, size_t offset, __m512i (&first)[4], __m512i (&second)[4]) {
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; i++) {
    const auto both = [&](size_t a, size_t b) {
      const auto load = [&](size_t r) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[r] + offset));
      };
      return _mm512_inserti64x4(_mm512_castsi256_si512(load(a)), load(b), 1);
    };
    const __m512i lower = both(i, i + 4), upper = both(i + 8, i + 12);
    first[i] = _mm512_shuffle_i64x2(lower, upper, 0x88);
    second[i] = _mm512_shuffle_i64x2(lower, upper, 0xdd);
  }
  transposeLanes(first);
  transposeLanes(second);
}

/**
 * 16 rows, of which fewer may be there. No sums cross lanes, and what is the same for all rows is read as four bytes:
 * half of the instructions of four rows at a time.
 */
template <class Lanes>
void oneTokenInLanes(const Rows& rows, size_t first, size_t total, size_t columns, const typename Lanes::Group* x,
                     const Products& out) {
  constexpr size_t kRows = 16, kGroups = Lanes::kColumns / (kGroupBlocks * kBlock);
  /** Steps whose bytes are fetched at once: as many as begin within a line. */
  constexpr size_t kFetched = Lanes::kBytes < 64 ? 64 / Lanes::kBytes : 1;
  const uint8_t* from[kRows];
  const uint8_t* ahead[kRows];
  for (size_t r = 0; r < kRows; r++) {
    // Past the last row the last one is computed again.
    from[r] = rows.at(first + r < total ? first + r : total - 1);
    ahead[r] = first + kRows + r < total ? rows.at(first + kRows + r) : from[r];
  }
  __m512 sums[kGroupBlocks] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  const size_t steps = columns / Lanes::kColumns;
  Lanes next(from, 0);
  for (size_t step = 0; step < steps; step++) {
    const size_t at = step * Lanes::kBytes;
    if (step % kFetched == 0) {
      for (const uint8_t* row : ahead) fetchLines(row + at, kFetched * Lanes::kBytes);
    }
    // Where few registers hold it, the next step is taken apart while products wait for each other.
    if (!Lanes::kNextFirst && step > 0) next = Lanes(from, at);
    const Lanes apart = next;
    if (Lanes::kNextFirst && step + 1 < steps) next = Lanes(from, at + Lanes::kBytes);
    apart.eachBlock([&](size_t b, const auto& quants) __attribute__((always_inline)) {
      const typename Lanes::Group& inputs = x[step * kGroups + b / kGroupBlocks];
      const size_t block = b % kGroupBlocks;
      const auto add = [&](__m512 products, size_t half) {
        const __m512 factor = _mm512_mul_ps(apart.scale(b, half), _mm512_set1_ps(inputs.scaleOf(block)));
        sums[block] = _mm512_fmadd_ps(products, factor, sums[block]);
      };
      if constexpr (Lanes::kHalves) {
        add(sumsOf<Lanes, 0, 4>(inputs, block, quants), 0);
        add(sumsOf<Lanes, 4, 8>(inputs, block, quants), 1);
      } else {
        add(sumsOf<Lanes, 0, 8>(inputs, block, quants), 0);
      }
    });
  }
  const size_t left = total - first;
  putSixteen(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])), first,
             left < kRows ? left : kRows, 0, out);
}

/** What most types in lanes have in common. */
struct OfBytes {
  using Group = OneTokenGroup;
};

/** With fewer rows than this, groups of four are as fast. */
constexpr size_t kLeastInLanes = 9;

/** Products with one token, bit for bit as oneToken has them; `Weights` are for the rows that are left. */
template <class Lanes, class Weights>
[[gnu::flatten]] void oneTokenByLanes(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs,
                                      const Products& out) {
  const auto* const x = reinterpret_cast<const OneTokenGroup*>(inputs);
  size_t row = 0;
  for (; count - row >= kLeastInLanes; row += 16) {
    oneTokenInLanes<Lanes>(rows, row, count, columns, x, out);
    if (count - row <= 16) return;
  }
  for (; row < count; row += 4) oneTokenRows<Weights>(rows, row, count, columns, x, out);
}

}  // namespace
}  // namespace flashrow
