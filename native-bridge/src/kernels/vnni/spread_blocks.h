#pragma once

// Blocks of block_formats.h as integers, spread out in memory first. Part of vnni.cc.

#include "kernels/vnni/weights.h"

namespace flashrow {
namespace {

/**
 * Half a block of a row, g = 0 or 1, as Group has it: blocks of 32 in the lanes. Or in eights, where the weights say
 * kInEights: columns 0 to 7 and 16 to 23 in `first`, and 8 to 15 and 24 to 31 in `second`.
 */
struct Quants {
  __m512i first, second;
};

/** Scales of four rows, by half g: element 4j + r belongs to block 4g + j of row r. Minima as PanelBlock has them. */
struct SuperScales {
  __m512 scale[2], also[2];
  __m512 minima[2][2] = {};
};

/** Sixteen bytes of four rows, a row in each lane, to byte 16k + 4j + r, from byte 4k + j of row r. */
inline __m512i byColumn(__m512i rows) {
  const __m512i words =
      _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), rows);
  return _mm512_shuffle_epi8(
      words, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

inline __m512i fourRows(const uint8_t* const* rows, size_t offset) {
  return fourLanes(sixteenBytes(rows[0] + offset), sixteenBytes(rows[1] + offset), sixteenBytes(rows[2] + offset),
                   sixteenBytes(rows[3] + offset));
}

inline __m512i everyLane(int32_t a, int32_t b, int32_t c, int32_t d) {
  return _mm512_broadcast_i32x4(_mm_setr_epi32(a, b, c, d));
}

/**
 * Floats of four rows, one for each run, in the order of SuperScales: those of block 4g + j, then of its other half.
 */
template <size_t run>
void orderScales(const float (*rows)[256 / run], size_t g, __m512& first, __m512& second) {
  const auto four = [&](size_t at) {
    return _mm512_castsi512_ps(
        fourLanes(_mm_castps_si128(_mm_loadu_ps(rows[0] + at)), _mm_castps_si128(_mm_loadu_ps(rows[1] + at)),
                  _mm_castps_si128(_mm_loadu_ps(rows[2] + at)), _mm_castps_si128(_mm_loadu_ps(rows[3] + at))));
  };
  if constexpr (run == 32) {
    first = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), four(4 * g));
  } else {
    const __m512 a = four(8 * g), b = four(8 * g + 4);
    const __m512i even = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 16, 20, 24, 28, 18, 22, 26, 30);
    first = _mm512_permutex2var_ps(a, even, b);
    second = _mm512_permutex2var_ps(a, _mm512_add_epi32(even, _mm512_set1_epi32(1)), b);
  }
}

inline __m512 negated(__m512 values) { return _mm512_sub_ps(_mm512_setzero_ps(), values); }

/** Up to 256 weights of each of four rows, spread out. */
template <class Block>
class SpreadRows {
 public:
  SuperScales scales;

  SpreadRows(const uint8_t* const* rows, size_t offset, size_t blocks) {
    constexpr size_t kRuns = 256 / Block::kRun, kBlocks = Block::kWeights / kBlock;
    float scaleOf[4][kRuns], minimumOf[4][kRuns];
    if (kBlocks < 8 && blocks < 8) {
      // What is not there counts as zero.
      std::memset(quants_, 0, sizeof quants_);
      std::memset(scaleOf, 0, sizeof scaleOf);
      std::memset(minimumOf, 0, sizeof minimumOf);
    }
    for (size_t r = 0; r < 4; r++) {
      const uint8_t* from = rows[r] + offset;
      for (size_t b = 0; b < (kBlocks == 8 ? 8 : blocks); b += kBlocks, from += Block::kBytes) {
        constexpr size_t kPerBlock = kBlock / Block::kRun;
        Block::expand(from, quants_[r] + kBlock * b, scaleOf[r] + kPerBlock * b, minimumOf[r] + kPerBlock * b);
      }
    }
    for (size_t g = 0; g < 2; g++) {
      orderScales<Block::kRun>(scaleOf, g, scales.scale[g], scales.also[g]);
      if constexpr (Block::kHasMinima && Block::kRun == 32) {
        orderScales<32>(minimumOf, g, scales.also[g], scales.also[g]);
        scales.also[g] = negated(scales.also[g]);
      } else if constexpr (Block::kHasMinima) {
        orderScales<16>(minimumOf, g, scales.minima[0][g], scales.minima[1][g]);
        for (size_t half = 0; half < 2; half++) scales.minima[half][g] = negated(scales.minima[half][g]);
      }
    }
  }

  Quants quants(size_t r, size_t g) const {
    const __m512i a = _mm512_load_si512(quants_[r] + 128 * g), b = _mm512_load_si512(quants_[r] + 128 * g + 64);
    const __m512i sign = _mm512_set1_epi8(-128);
    return {_mm512_xor_si512(_mm512_shuffle_i32x4(a, b, 0x88), sign),
            _mm512_xor_si512(_mm512_shuffle_i32x4(a, b, 0xdd), sign)};
  }

 private:
  alignas(64) int8_t quants_[4][256];
};

template <class Block>
struct SpreadWeights {
  using FourRows = SpreadRows<Block>;
  static constexpr bool kGrouped = false, kLanesScaled = false, kInEights = false;
  static constexpr size_t kBytes = Block::kBytes, kStepBlocks = Block::kWeights / kBlock;
  static constexpr int kBias = 128;
  static constexpr Also kAlso = alsoOf<Block>();

  static void unpack(const uint8_t* const* rows, size_t offset, PanelBlock* into, size_t stride) {
    constexpr size_t kRuns = Block::kWeights / Block::kRun, kPerBlock = kBlock / Block::kRun;
    alignas(64) int8_t quants[16][Block::kWeights];
    float scales[16][kRuns], minima[16][kRuns];
    const uint8_t* spread[16];
    for (size_t r = 0; r < 16; r++) {
      Block::expand(rows[r] + offset, quants[r], scales[r], minima[r]);
      spread[r] = reinterpret_cast<const uint8_t*>(quants[r]);
    }
    const __m512i starts = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                              _mm512_set1_epi32(kRuns));
    const auto ofRows = [&](const float (*of)[kRuns], size_t run) {
      return _mm512_i32gather_ps(starts, of[0] + run, sizeof(float));
    };
    for (size_t b = 0; b < kStepBlocks; b++, into += stride) {
      for (size_t half = 0; half < 2; half++) {
        __m512i bytes[4];
        gatherSixteen(spread, kBlock * b + 16 * half, bytes);
        for (size_t k = 0; k < 4; k++) pairUp(bytes[k], into->pairs[4 * k + half], into->pairs[4 * k + half + 2]);
      }
      into->scale = ofRows(scales, kPerBlock * b);
      if (kAlso == Also::Minimum) into->also = negated(ofRows(minima, b));
      if (hasTwoScales(kAlso)) into->also = ofRows(scales, 2 * b + 1);
      if (kAlso == Also::ScaleAndMinima) {
        for (size_t half = 0; half < 2; half++) into->minima[half] = negated(ofRows(minima, 2 * b + half));
      }
    }
  }
};

template <class Block>
struct WeightsOf : SpreadWeights<Block> {};

}  // namespace
}  // namespace flashrow
