#pragma once

// Products of tiles (kernels/two_bit_tiles.h). Part of vnni.cc.

#include "kernels/two_bit_tiles.h"
#include "kernels/vnni/inputs.h"

namespace flashrow {
namespace {

/** The sums of a run's levels fit 16 bits with their sign: so one product of words weighs them with the step. */
inline void addTwoBitTile(const uint8_t* tile, const TwoBitInputs& x, float* sums) {
  const __m512i pairsOfBits = _mm512_set1_epi8(3), nibble = _mm512_set1_epi32(15),
                twoNibbles = _mm512_set1_epi32(0x000f000f);
  __m512i products = _mm512_setzero_si512(), minima = _mm512_setzero_si512();
#pragma GCC unroll 2
  for (size_t eight = 0; eight < 16; eight += 8) {
    const __m512i steps = _mm512_load_si512(tile + TwoBitTile::kStepsAt + 8 * eight);
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
      const __m512i quants = _mm512_load_si512(tile + 64 * (eight + i));
      const int8_t* const inputs = x.quants + TwoBitTile::kRun * (eight + i);
      const auto add = [&](__m512i levels, unsigned k) {
        const __m512i pairs = _mm512_and_si512(_mm512_srli_epi16(quants, 2 * k), pairsOfBits);
        return _mm512_dpbusd_epi32(levels, pairs, fourInAll(inputs + 4 * k));
      };
      const __m512i first = add(add(_mm512_setzero_si512(), 0), 1), second = add(add(_mm512_setzero_si512(), 2), 3);
      products = _mm512_dpwssd_epi32(products, _mm512_add_epi32(first, second),
                                     _mm512_and_si512(_mm512_srli_epi32(steps, 4 * i), nibble));
    }
    const __m512i below = _mm512_load_si512(tile + TwoBitTile::kMinimaAt + 8 * eight);
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
      minima = _mm512_dpwssd_epi32(minima, _mm512_and_si512(_mm512_srli_epi32(below, 4 * i), twoNibbles),
                                   fourInAll(x.sums + eight + 2 * i));
    }
  }
  const auto scaled = [&](__m512i of, size_t factorsAt) {
    const __m256i halves = _mm256_load_si256(reinterpret_cast<const __m256i*>(tile + factorsAt));
    return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_cvtepi32_ps(of));
  };
  const __m512 below = scaled(minima, TwoBitTile::kMinimumFactorsAt);
  const __m512 weighed = _mm512_sub_ps(scaled(products, TwoBitTile::kStepFactorsAt), below);
  _mm512_storeu_ps(sums, _mm512_fmadd_ps(_mm512_set1_ps(x.scale), weighed, _mm512_loadu_ps(sums)));
}

}  // namespace
}  // namespace flashrow
