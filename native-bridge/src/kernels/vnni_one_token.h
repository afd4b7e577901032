#pragma once

// Products of rows with one token. Part of vnni.cc.

#include "kernels/vnni_inputs.h"
#include "kernels/vnni_super_blocks.h"

namespace flashrow {
namespace {

/** Four registers' elements added up lane by lane: element r of a lane is register r's sum. */
inline __m512i addLanes(const __m512i (&of)[4]) {
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(of[0], of[1]), _mm512_unpackhi_epi32(of[0], of[1]));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(of[2], of[3]), _mm512_unpackhi_epi32(of[2], of[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/** Four rows' sums: element 4j + r gets the share of blocks j, j + 4, j + 8 and so on of row r. */
template <class Weights>
__m512 addGroup(const uint8_t* const* rows, size_t offset, size_t blocks, const OneTokenGroup& x, __m512 sums) {
  const __m512i highFirst = _mm512_load_si512(x.high[0]), highSecond = _mm512_load_si512(x.high[1]);
  const __m512i lowFirst = _mm512_load_si512(x.low[0]), lowSecond = _mm512_load_si512(x.low[1]);
  __m512i products[4];
  __m512i scales = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (size_t r = 0; r < 4; r++) {
    const Group weights = Weights::group(rows[r] + offset, blocks);
    const __m512i high = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), weights.first, highFirst),
                                             weights.second, highSecond);
    const __m512i low = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), weights.first, lowFirst),
                                            weights.second, lowSecond);
    products[r] = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    scales = _mm512_mask_mov_epi16(scales, 0x11111111u << r, weights.scales);
  }
  __m512i sum = addLanes(products);
  if (Weights::kBias > 0) {
    sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(_mm512_load_si512(x.sum), _mm512_set1_epi32(Weights::kBias)));
  }
  const __m512 scale = _mm512_mul_ps(Weights::toScale(_mm512_castsi512_si256(scales)), _mm512_load_ps(x.scale));
  sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, sums);
  if (Weights::kAlso == Also::Minimum) {
    sums = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm512_extracti64x4_epi64(scales, 1)), _mm512_load_ps(x.total), sums);
  }
  return sums;
}

/** 256 weights of each of four rows, as addGroup; fewer, `blocks` of 32, only where blocks are of less than 256. */
template <class Weights>
__m512 addStep(const uint8_t* const* rows, size_t offset, size_t blocks, const OneTokenGroup* x, __m512 sums) {
  const typename Weights::FourRows four(rows, offset, blocks);
  const SuperScales& scales = four.scales;
  const size_t groups = Weights::kStepBlocks == 8 ? 2 : (blocks + kGroupBlocks - 1) / kGroupBlocks;
#pragma GCC unroll 2
  for (size_t g = 0; g < groups; g++) {
    const __m512i zero = _mm512_setzero_si512(), bias = _mm512_set1_epi8(static_cast<char>(Weights::kBias));
    const __m512i high[2] = {_mm512_load_si512(x[g].high[0]), _mm512_load_si512(x[g].high[1])};
    const __m512i low[2] = {_mm512_load_si512(x[g].low[0]), _mm512_load_si512(x[g].low[1])};
    const __m512 inputScale = _mm512_load_ps(x[g].scale);
    // Products begin at what the bias adds, negated.
    __m512i highStart[2] = {zero, zero}, lowStart[2] = {zero, zero};
    if constexpr (hasTwoScales(Weights::kAlso)) {
      __m512i products[2][4];
      for (size_t half = 0; half < 2 && Weights::kBias > 0; half++) {
        highStart[half] = _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(zero, bias, high[half]));
        lowStart[half] = _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(zero, bias, low[half]));
      }
#pragma GCC unroll 4
      for (size_t r = 0; r < 4; r++) {
        const Quants quants = four.quants(r, g);
        products[0][r] =
            _mm512_add_epi32(_mm512_slli_epi32(_mm512_dpbusd_epi32(highStart[0], quants.first, high[0]), 8),
                             _mm512_dpbusd_epi32(lowStart[0], quants.first, low[0]));
        products[1][r] =
            _mm512_add_epi32(_mm512_slli_epi32(_mm512_dpbusd_epi32(highStart[1], quants.second, high[1]), 8),
                             _mm512_dpbusd_epi32(lowStart[1], quants.second, low[1]));
      }
      const __m512 factors[2] = {scales.scale[g], scales.also[g]};
#pragma GCC unroll 2
      for (size_t half = 0; half < 2; half++) {
        sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(addLanes(products[half])), _mm512_mul_ps(factors[half], inputScale),
                               sums);
        if (Weights::kAlso == Also::ScaleAndMinima) {
          sums = _mm512_fmadd_ps(scales.minima[half][g], _mm512_load_ps(x[g].halfTotals[half]), sums);
        }
      }
    } else {
      __m512i products[4];
      if (Weights::kBias > 0) {
        highStart[0] =
            _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, bias, high[0]), bias, high[1]));
        lowStart[0] =
            _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, bias, low[0]), bias, low[1]));
      }
#pragma GCC unroll 4
      for (size_t r = 0; r < 4; r++) {
        const Quants quants = four.quants(r, g);
        const __m512i highs =
            _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(highStart[0], quants.first, high[0]), quants.second, high[1]);
        const __m512i lows =
            _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(lowStart[0], quants.first, low[0]), quants.second, low[1]);
        products[r] = _mm512_add_epi32(_mm512_slli_epi32(highs, 8), lows);
      }
      sums = _mm512_fmadd_ps(_mm512_cvtepi32_ps(addLanes(products)), _mm512_mul_ps(scales.scale[g], inputScale), sums);
      if (Weights::kAlso == Also::Minimum) sums = _mm512_fmadd_ps(scales.also[g], _mm512_load_ps(x[g].total), sums);
    }
  }
  return sums;
}

/**
 * Four rows, fewer at the end. More side by side are slower: their constants no longer fit the registers. The rows that
 * follow are fetched meanwhile, every line of them, as they may lie anywhere.
 */
template <class Weights>
void oneTokenRows(const Rows& rows, size_t first, size_t total, size_t columns, const OneTokenGroup* x,
                  const Products& out) {
  constexpr size_t kStepBlocks = Weights::kGrouped ? kGroupBlocks : 2 * kGroupBlocks;
  constexpr size_t kStepBytes = kStepBlocks / Weights::kStepBlocks * Weights::kBytes;
  const uint8_t* from[4];
  const uint8_t* ahead[4];
  for (size_t r = 0; r < 4; r++) {
    // Past the last row the last one is computed again.
    from[r] = rows.at(first + r < total ? first + r : total - 1);
    ahead[r] = first + 4 + r < total ? rows.at(first + 4 + r) : from[r];
  }
  __m512 sums = _mm512_setzero_ps();
  const size_t whole = columns / kBlock / kStepBlocks;
  for (size_t step = 0; step < whole; step++) {
    for (size_t r = 0; r < 4; r++) {
      for (size_t line = 0; line < kStepBytes; line += 64) {
        __builtin_prefetch(ahead[r] + step * kStepBytes + line, 0, 2);
      }
    }
    if constexpr (Weights::kGrouped) {
      sums = addGroup<Weights>(from, step * kStepBytes, kGroupBlocks, x[step], sums);
    } else {
      sums = addStep<Weights>(from, step * kStepBytes, kStepBlocks, x + 2 * step, sums);
    }
  }
  if constexpr (Weights::kStepBlocks < kStepBlocks) {
    const size_t rest = columns / kBlock % kStepBlocks;
    if constexpr (Weights::kGrouped) {
      if (rest > 0) sums = addGroup<Weights>(from, whole * kStepBytes, rest, x[whole], sums);
    } else {
      if (rest > 0) sums = addStep<Weights>(from, whole * kStepBytes, rest, x + 2 * whole, sums);
    }
  }
  const __m128 lower = _mm_add_ps(_mm512_castps512_ps128(sums), _mm512_extractf32x4_ps(sums, 1));
  const __m128 upper = _mm_add_ps(_mm512_extractf32x4_ps(sums, 2), _mm512_extractf32x4_ps(sums, 3));
  float products[4];
  _mm_storeu_ps(products, _mm_add_ps(lower, upper));
  for (size_t r = 0; r < 4 && first + r < total; r++) put(out, first + r, 0, products[r]);
}

template <class Weights>
void oneToken(const Rows& rows, size_t count, size_t columns, const OneTokenGroup* x, const Products& out) {
  for (size_t row = 0; row < count; row += 4) oneTokenRows<Weights>(rows, row, count, columns, x, out);
}

}  // namespace
}  // namespace flashrow
