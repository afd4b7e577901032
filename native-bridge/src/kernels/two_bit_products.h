#pragma once

// Products of tiles (kernels/two_bit_tiles.h), for the instruction set that includes this. The sums are of integers and
// exact, so that sets differ in the last roundings alone.

#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/blocks/block_bytes.h"
#include "kernels/two_bit_tiles.h"

namespace flashrow {
namespace {

/** sums[TwoBitTile::kRows] += the products of a tile, whose levels and minima are multiplied and added up. */
inline void addScaled(const uint8_t* tile, const int32_t* products, const int32_t* minima, float scale, float* sums) {
  for (size_t r = 0; r < TwoBitTile::kRows; r++) {
    const float product = halfAt(tile + TwoBitTile::kStepFactorsAt + 2 * r) * static_cast<float>(products[r]);
    sums[r] += scale * (product - halfAt(tile + TwoBitTile::kMinimumFactorsAt + 2 * r) * static_cast<float>(minima[r]));
  }
}

#if defined(__AVX2__)

/** The nibbles of a run, or of a pair of runs, out of eight: in the low bits of what `mask` keeps. */
inline __m256i nibblesOf(__m256i of, size_t nibble, int32_t mask) {
  return _mm256_and_si256(_mm256_srl_epi32(of, _mm_cvtsi32_si128(static_cast<int>(4 * nibble))),
                          _mm256_set1_epi32(mask));
}

inline __m256i pairOf(const int16_t* from) {
  int32_t pair;
  std::memcpy(&pair, from, 4);
  return _mm256_set1_epi32(pair);
}

/** Sums of two products are words, 762 at most; a run's are eight times that. */
inline void addTwoBitTile(const uint8_t* tile, const TwoBitInputs& x, float* sums) {
  alignas(32) int32_t products[TwoBitTile::kRows], minima[TwoBitTile::kRows];
  for (size_t half = 0; half < TwoBitTile::kRows; half += 8) {
    const auto load = [&](size_t at) {
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(tile + at + 4 * half));
    };
    __m256i product = _mm256_setzero_si256(), minimum = _mm256_setzero_si256();
    for (size_t eight = 0; eight < TwoBitTile::kRuns; eight += 8) {
      const __m256i steps = load(TwoBitTile::kStepsAt + 8 * eight), below = load(TwoBitTile::kMinimaAt + 8 * eight);
      for (size_t i = 0; i < 8; i++) {
        const __m256i quants = load(64 * (eight + i));
        __m256i words = _mm256_setzero_si256();
        for (size_t k = 0; k < 4; k++) {
          int32_t four;
          std::memcpy(&four, x.quants + TwoBitTile::kRun * (eight + i) + 4 * k, 4);
          const __m256i shifted = _mm256_srl_epi16(quants, _mm_cvtsi32_si128(static_cast<int>(2 * k)));
          const __m256i levels = _mm256_and_si256(shifted, _mm256_set1_epi8(3));
          words = _mm256_add_epi16(words, _mm256_maddubs_epi16(levels, _mm256_set1_epi32(four)));
        }
        const __m256i step = nibblesOf(steps, i, 15);
        const __m256i twice = _mm256_or_si256(step, _mm256_slli_epi32(step, 16));
        product = _mm256_add_epi32(product, _mm256_madd_epi16(words, twice));
      }
      for (size_t i = 0; i < 4; i++) {
        const __m256i pairs = _mm256_madd_epi16(nibblesOf(below, i, 0x000f000f), pairOf(x.sums + eight + 2 * i));
        minimum = _mm256_add_epi32(minimum, pairs);
      }
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(products + half), product);
    _mm256_store_si256(reinterpret_cast<__m256i*>(minima + half), minimum);
  }
  addScaled(tile, products, minima, x.scale, sums);
}

#else

inline void addTwoBitTile(const uint8_t* tile, const TwoBitInputs& x, float* sums) {
  int32_t products[TwoBitTile::kRows] = {}, minima[TwoBitTile::kRows] = {};
  for (size_t run = 0; run < TwoBitTile::kRuns; run++) {
    const uint8_t* const quants = tile + 64 * run;
    const int8_t* const inputs = x.quants + TwoBitTile::kRun * run;
    const size_t ofEight = run % 8, eight = 64 * (run / 8);
    const uint8_t* const steps = tile + TwoBitTile::kStepsAt + eight + ofEight / 2;
    const uint8_t* const below = tile + TwoBitTile::kMinimaAt + eight + 2 * (ofEight % 2) + ofEight / 4;
    for (size_t r = 0; r < TwoBitTile::kRows; r++) {
      int32_t levels = 0;
      for (size_t i = 0; i < 4; i++) {
        const unsigned four = quants[4 * r + i];
        for (size_t k = 0; k < 4; k++) levels += static_cast<int32_t>(four >> 2 * k & 3) * inputs[4 * k + i];
      }
      products[r] += levels * (steps[4 * r] >> 4 * (ofEight % 2) & 15);
      minima[r] += x.sums[run] * (below[4 * r] >> 4 * (ofEight / 2 % 2) & 15);
    }
  }
  addScaled(tile, products, minima, x.scale, sums);
}

#endif

}  // namespace
}  // namespace flashrow
