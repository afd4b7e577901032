#pragma once

// Products of rows with one token. Part of vnni.cc.

#include "kernels/vnni/grid_blocks.h"
#include "kernels/vnni/inputs.h"

namespace flashrow {
namespace {

/** Four registers' elements added up lane by lane: element r of a lane is register r's sum. */
inline __m512i addLanes(const __m512i (&of)[4]) {
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(of[0], of[1]), _mm512_unpackhi_epi32(of[0], of[1]));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(of[2], of[3]), _mm512_unpackhi_epi32(of[2], of[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/** Four rows' share of four blocks, one in each lane. Element 4j + r of the floats is block j's of row r. */
struct FourGroups {
  Quants quants[4];
  __m512 scale, also;
  /** As PanelBlock has them. */
  __m512 minima[2];
};

/**
 * 256 times the products of two registers of each of four rows with the high bytes, plus those with the low ones.
 * Element i of a register of `products` has the sums over four columns of each.
 */
inline void productsOfBoth(const __m512i (&high)[2], const __m512i (&low)[2], const Quants (&quants)[4],
                           __m512i (&products)[4]) {
#pragma GCC unroll 4
  for (size_t r = 0; r < 4; r++) {
    const __m512i highs = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), quants[r].first, high[0]),
                                              quants[r].second, high[1]);
    products[r] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_slli_epi32(highs, 8), quants[r].first, low[0]),
                                      quants[r].second, low[1]);
  }
}

/** The sums of one half: `quants` gives row r's. */
template <class InputGroup, class QuantsOf>
inline __m512i sumsOfHalf(const InputGroup& x, size_t half, const QuantsOf& quants) {
  const __m512i high = _mm512_load_si512(x.high[half]), low = _mm512_load_si512(x.low[half]);
  __m512i products[4];
#pragma GCC unroll 4
  for (size_t r = 0; r < 4; r++) {
    const __m512i highs = _mm512_dpbusd_epi32(_mm512_setzero_si512(), quants(r), high);
    products[r] = _mm512_dpbusd_epi32(_mm512_slli_epi32(highs, 8), quants(r), low);
  }
  return addLanes(products);
}

/** The sums of both halves together. */
template <class InputGroup>
inline __m512i sumsOfBoth(const InputGroup& x, const Quants (&quants)[4]) {
  const __m512i high[2] = {_mm512_load_si512(x.high[0]), _mm512_load_si512(x.high[1])};
  const __m512i low[2] = {_mm512_load_si512(x.low[0]), _mm512_load_si512(x.low[1])};
  __m512i products[4];
  productsOfBoth(high, low, quants, products);
  return addLanes(products);
}

/** The sums of each half, of quants in eights. */
template <class InputGroup>
inline void sumsOfEights(const InputGroup& x, const Quants (&quants)[4], __m512i (&sums)[2]) {
  const auto eights = [](const int8_t (&of)[2][64], __m512i(&into)[2]) {
    const __m512i first = _mm512_load_si512(of[0]), second = _mm512_load_si512(of[1]);
    into[0] = _mm512_unpacklo_epi64(first, second);
    into[1] = _mm512_unpackhi_epi64(first, second);
  };
  __m512i high[2], low[2], products[4];
  eights(x.high, high);
  eights(x.low, low);
  productsOfBoth(high, low, quants, products);
  // Two elements of a lane are the first half's, two the second's.
  const auto add = [](__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  };
  sums[0] = add(_mm512_unpacklo_epi32(products[0], products[1]), _mm512_unpacklo_epi32(products[2], products[3]));
  sums[1] = add(_mm512_unpackhi_epi32(products[0], products[1]), _mm512_unpackhi_epi32(products[2], products[3]));
}

/** Quants that stand in lane j as 4^j times what they are: their sums are divided. */
inline __m512i unscaledLanes(__m512i sums) {
  return _mm512_srav_epi32(sums, _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6));
}

/** Adds a group's products with one token to the sums of four rows: those of block j and row r to element 4j + r. */
template <class Weights, class InputGroup>
[[gnu::always_inline]] inline __m512 addProducts(const FourGroups& rows, const InputGroup& x, __m512 sums) {
  const __m512 scales = x.scales();
  if constexpr (hasTwoScales(Weights::kAlso)) {
    __m512i eights[2];
    if (Weights::kInEights) sumsOfEights(x, rows.quants, eights);
#pragma GCC unroll 2
    for (size_t half = 0; half < 2; half++) {
      __m512i products = Weights::kInEights ? eights[half] : sumsOfHalf(x, half, [&](size_t r) {
        return half == 0 ? rows.quants[r].first : rows.quants[r].second;
      });
      if (Weights::kLanesScaled) products = unscaledLanes(products);
      if (Weights::kBias > 0) {
        products = _mm512_sub_epi32(products, x.template biasOfHalf<Weights::kBias>(half));
      }
      const __m512 factor = _mm512_mul_ps(half == 0 ? rows.scale : rows.also, scales);
      sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), factor, sums);
      if (Weights::kAlso == Also::ScaleAndMinima) {
        sums = _mm512_fmadd_ps(rows.minima[half], x.halfTotals(half), sums);
      }
    }
  } else {
    __m512i products = sumsOfBoth(x, rows.quants);
    if (Weights::kBias > 0) products = _mm512_sub_epi32(products, x.template biasOfBoth<Weights::kBias>());
    sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), _mm512_mul_ps(rows.scale, scales), sums);
    if (Weights::kAlso == Also::Minimum) sums = _mm512_fmadd_ps(rows.also, x.totals(), sums);
  }
  return sums;
}

/**
 * Takes `blocks` blocks of each of four rows apart and calls use(groups, g) for each four of them. Inlined by force:
 * else constants are loaded for every step.
 */
template <class Weights, class Use>
[[gnu::always_inline]] inline void eachGroup(const uint8_t* const* rows, size_t offset, size_t blocks, const Use& use) {
  FourGroups four;
  if constexpr (Weights::kGrouped) {
    __m512i scales = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t r = 0; r < 4; r++) {
      const Group group = Weights::group(rows[r] + offset, blocks);
      four.quants[r] = {group.first, group.second};
      scales = _mm512_mask_mov_epi16(scales, 0x11111111u << r, group.scales);
    }
    four.scale = Weights::toScale(_mm512_castsi512_si256(scales));
    if (Weights::kAlso == Also::Minimum) four.also = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(scales, 1));
    use(four, 0);
  } else {
    const typename Weights::FourRows apart(rows, offset, blocks);
    const size_t groups = Weights::kStepBlocks == 8 ? 2 : (blocks + kGroupBlocks - 1) / kGroupBlocks;
#pragma GCC unroll 2
    for (size_t g = 0; g < groups; g++) {
#pragma GCC unroll 4
      for (size_t r = 0; r < 4; r++) four.quants[r] = apart.quants(r, g);
      four.scale = apart.scales.scale[g];
      four.also = apart.scales.also[g];
      for (size_t half = 0; half < 2; half++) four.minima[half] = apart.scales.minima[half][g];
      use(four, g);
    }
  }
}

/** How many blocks eachGroup takes at once, and their groups. */
template <class Weights>
constexpr size_t kStepBlocksOf = Weights::kGrouped ? kGroupBlocks : 2 * kGroupBlocks;
template <class Weights>
constexpr size_t kStepBytesOf = kStepBlocksOf<Weights> / Weights::kStepBlocks * Weights::kBytes;

/** Calls step(index, blocks) for each step of a row. */
template <class Weights, class Step>
[[gnu::always_inline]] inline void eachStep(size_t columns, const Step& step) {
  constexpr size_t kStepBlocks = kStepBlocksOf<Weights>;
  const size_t whole = columns / kBlock / kStepBlocks;
  for (size_t i = 0; i < whole; i++) step(i, kStepBlocks);
  if constexpr (Weights::kStepBlocks < kStepBlocks) {
    const size_t rest = columns / kBlock % kStepBlocks;
    if (rest > 0) step(whole, rest);
  }
}

inline void fetchLines(const uint8_t* from, size_t bytes) {
  for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(from + line, 0, 2);
}

/** Adds up what element 4j + r has of row r, and puts the products of up to four rows. */
inline void putFour(__m512 sums, size_t first, size_t total, size_t token, const Products& out) {
  const __m128 lower = _mm_add_ps(_mm512_castps512_ps128(sums), _mm512_extractf32x4_ps(sums, 1));
  const __m128 upper = _mm_add_ps(_mm512_extractf32x4_ps(sums, 2), _mm512_extractf32x4_ps(sums, 3));
  const __m128 four = _mm_add_ps(lower, upper);
  if (out.index == nullptr && first + 4 <= total) {
    float* const into = out.base + token * out.stride + first;
    return _mm_storeu_ps(into, out.add ? _mm_add_ps(_mm_loadu_ps(into), four) : four);
  }
  float products[4];
  _mm_storeu_ps(products, four);
  for (size_t r = 0; r < 4 && first + r < total; r++) put(out, first + r, token, products[r]);
}

/**
 * Four rows, fewer at the end. More side by side are slower: their constants no longer fit the registers. The rows that
 * follow are fetched meanwhile, every line of them, as they may lie anywhere.
 */
template <class Weights>
void oneTokenRows(const Rows& rows, size_t first, size_t total, size_t columns, const OneTokenGroup* x,
                  const Products& out) {
  const uint8_t* from[4];
  const uint8_t* ahead[4];
  for (size_t r = 0; r < 4; r++) {
    // Past the last row the last one is computed again.
    from[r] = rows.at(first + r < total ? first + r : total - 1);
    ahead[r] = first + 4 + r < total ? rows.at(first + 4 + r) : from[r];
  }
  __m512 sums = _mm512_setzero_ps();
  eachStep<Weights>(columns, [&](size_t step, size_t blocks) {
    const size_t at = step * kStepBytesOf<Weights>;
    for (size_t r = 0; r < 4 && blocks == kStepBlocksOf<Weights>; r++) {
      fetchLines(ahead[r] + at, kStepBytesOf<Weights>);
    }
    const OneTokenGroup* inputs = x + step * kStepBlocksOf<Weights> / kGroupBlocks;
    eachGroup<Weights>(from, at, blocks,
                       [&](const FourGroups& four, size_t g) { sums = addProducts<Weights>(four, inputs[g], sums); });
  });
  putFour(sums, first, total, 0, out);
}

template <class Weights>
void oneToken(const Rows& rows, size_t count, size_t columns, const OneTokenGroup* x, const Products& out) {
  for (size_t row = 0; row < count; row += 4) oneTokenRows<Weights>(rows, row, count, columns, x, out);
}

}  // namespace
}  // namespace flashrow
