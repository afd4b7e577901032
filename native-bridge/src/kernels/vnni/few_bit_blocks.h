#pragma once

// NVFP4, Q1_0, Q2_0, TQ1_0 and TQ2_0 as integers, taken apart in registers. Part of vnni.cc.

#include "kernels/vnni/small_blocks.h"

namespace flashrow {
namespace {

/** A half of each of four rows, `at` bytes behind `offset`. */
inline uint64_t halfOfFour(const uint8_t* const* rows, size_t at) {
  uint64_t halves = 0;
  for (size_t r = 0; r < 4; r++) {
    uint16_t half;
    std::memcpy(&half, rows[r] + at, 2);
    halves |= static_cast<uint64_t>(half) << (16 * r);
  }
  return halves;
}

/** Element 4j + r is the half of row r. */
inline __m512 halfForAllBlocks(const uint8_t* const* rows, size_t at) {
  return _mm512_cvtph_ps(_mm256_set1_epi64x(static_cast<long long>(halfOfFour(rows, at))));
}

/** 256 weights of each of four rows in blocks of less. What the last blocks lack counts as zero. */
template <class Block, class Weights = WeightsOf<Block>>
class RowsOfSmallBlocks {
 public:
  SuperScales scales;

  RowsOfSmallBlocks(const uint8_t* const* rows, size_t offset, size_t blocks) {
    constexpr size_t kWhole = 256 / Block::kWeights * Block::kBytes;
    for (size_t r = 0; r < 4; r++) {
      rows_[r] = rows[r] + offset;
      if (blocks == 8) continue;
      std::memset(last_[r], 0, kWhole);
      std::memcpy(last_[r], rows_[r], blocks * kBlock / Block::kWeights * Block::kBytes);
      rows_[r] = last_[r];
    }
    Weights::scales(rows_, scales);
  }

  Quants quants(size_t r, size_t g) const { return Weights::quants(rows_[r], g); }

 private:
  const uint8_t* rows_[4];
  uint8_t last_[4][256 / Block::kWeights * Block::kBytes];
};

/** Two bits of each of 16 times four bytes that repeat: those of byte i at bit 2 (i % 4). */
inline __m512i pairsOfRepeated(__m512i bytes) {
  const __m512i even = _mm512_srlv_epi16(bytes, _mm512_set1_epi32(0x00040000));
  return _mm512_and_si512(_mm512_mask_mov_epi8(even, 0xaaaaaaaaaaaaaaaa, _mm512_srli_epi16(even, 2)),
                          _mm512_set1_epi8(3));
}

template <>
struct WeightsOf<BlockQ2_0> : SpreadWeights<BlockQ2_0> {
  using FourRows = RowsOfSmallBlocks<BlockQ2_0>;
  static constexpr int kBias = 1;

  static void scales(const uint8_t* const* rows, SuperScales& into) {
    for (size_t g = 0; g < 2; g++) {
      const long long a = static_cast<long long>(halfOfFour(rows, 36 * g));
      const long long b = static_cast<long long>(halfOfFour(rows, 36 * g + 18));
      into.scale[g] = _mm512_cvtph_ps(_mm256_set_epi64x(b, b, a, a));
    }
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const __m128i a = sixteenBytes(from + 36 * g + 2), b = sixteenBytes(from + 36 * g + 20);
    const __m512i bytes = fourLanes(a, a, b, b);
    const __m512i fourTimes =
        _mm512_add_epi8(_mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)),
                        _mm512_setr_epi32(0, 0, 0, 0, 0x08080808, 0x08080808, 0x08080808, 0x08080808, 0, 0, 0, 0,
                                          0x08080808, 0x08080808, 0x08080808, 0x08080808));
    return {pairsOfRepeated(_mm512_shuffle_epi8(bytes, fourTimes)),
            pairsOfRepeated(_mm512_shuffle_epi8(bytes, _mm512_add_epi8(fourTimes, _mm512_set1_epi8(4))))};
  }
};

template <>
struct WeightsOf<BlockQ1_0> : SpreadWeights<BlockQ1_0> {
  using FourRows = RowsOfSmallBlocks<BlockQ1_0>;
  static constexpr int kBias = 1;

  static void scales(const uint8_t* const* rows, SuperScales& into) {
    for (size_t g = 0; g < 2; g++) into.scale[g] = halfForAllBlocks(rows, 18 * g);
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const __m512i bytes = _mm512_broadcast_i32x4(sixteenBytes(from + 18 * g + 2));
    const __m512i eightTimes = _mm512_add_epi8(
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)),
        _mm512_setr_epi32(0, 0, 0, 0, 0x04040404, 0x04040404, 0x04040404, 0x04040404, 0x08080808, 0x08080808,
                          0x08080808, 0x08080808, 0x0c0c0c0c, 0x0c0c0c0c, 0x0c0c0c0c, 0x0c0c0c0c));
    const __m512i bits = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201)), two = _mm512_set1_epi8(2);
    const auto signs = [&](__m512i order) {
      return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(_mm512_shuffle_epi8(bytes, order), bits), two);
    };
    return {signs(eightTimes), signs(_mm512_add_epi8(eightTimes, two))};
  }
};

template <>
struct WeightsOf<BlockNvfp4> : SpreadWeights<BlockNvfp4> {
  using FourRows = RowsOfSmallBlocks<BlockNvfp4>;
  static constexpr bool kInEights = true;
  /** A power of two, so that it takes a shift. */
  static constexpr int kBias = 16;

  /** As BlockNvfp4::scaleOf, of bytes that are the upper ones of words. */
  static __m512i toHalves(__m512i words) { return _mm512_srli_epi16(words, 1); }
  static __m512 toScale(__m256i halves) { return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(128)); }

  static void scales(const uint8_t* const* rows, SuperScales& into) {
    const auto four = [&](size_t at) {
      return _mm_unpacklo_epi64(_mm_unpacklo_epi32(sixteenBytes(rows[0] + at), sixteenBytes(rows[1] + at)),
                                _mm_unpacklo_epi32(sixteenBytes(rows[2] + at), sixteenBytes(rows[3] + at)));
    };
    // Even runs of all rows, then odd ones.
    const __m512i bytes = _mm512_shuffle_epi8(
        fourLanes(four(0), four(36), four(72), four(108)),
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15)));
    const __mmask64 isNumber = _mm512_cmpneq_epi8_mask(bytes, _mm512_set1_epi8(0x7f));
    const __m512i numbers = _mm512_maskz_mov_epi8(isNumber, _mm512_and_si512(bytes, _mm512_set1_epi8(0x7f)));
    const __m512i even = toHalves(_mm512_unpacklo_epi8(_mm512_setzero_si512(), numbers));
    const __m512i odd = toHalves(_mm512_unpackhi_epi8(_mm512_setzero_si512(), numbers));
    into.scale[0] = toScale(_mm512_castsi512_si256(even));
    into.scale[1] = toScale(_mm512_extracti64x4_epi64(even, 1));
    into.also[0] = toScale(_mm512_castsi512_si256(odd));
    into.also[1] = toScale(_mm512_extracti64x4_epi64(odd, 1));
  }
  /** Low nibbles of eight bytes are a run's first eight weights, high ones its others. */
  static Quants quants(const uint8_t* from, size_t g) {
    const auto half = [&](size_t at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at)); };
    const __m512i bytes = _mm512_inserti64x4(_mm512_castsi256_si512(half(72 * g + 4)), half(72 * g + 40), 1);
    const __m512i values = _mm512_add_epi8(e2m1Values(), _mm512_set1_epi8(kBias)), low = _mm512_set1_epi8(15);
    return {_mm512_shuffle_epi8(values, _mm512_and_si512(bytes, low)),
            _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low))};
  }
};

template <>
struct WeightsOf<BlockTQ2_0> : SpreadWeights<BlockTQ2_0> {
  using FourRows = RowsInPlace<WeightsOf>;
  static constexpr int kBias = 1;

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    SuperScales scales;
    scales.scale[0] = scales.scale[1] = halfForAllBlocks(rows, offset + 64);
    return scales;
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    const auto take = [&](size_t at) {
      const __m512i bytes = _mm512_broadcast_i32x4(sixteenBytes(from + at));
      return _mm512_and_si512(_mm512_srlv_epi32(bytes, shifts), _mm512_set1_epi8(3));
    };
    return {take(32 * g), take(32 * g + 16)};
  }
};

template <>
struct WeightsOf<BlockTQ1_0> : SpreadWeights<BlockTQ1_0> {
  using FourRows = RowsInPlace<WeightsOf>;
  static constexpr int kBias = 1;

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    SuperScales scales;
    scales.scale[0] = scales.scale[1] = halfForAllBlocks(rows, offset + 52);
    return scales;
  }
  /** The digit in base 3 that stands first after a multiplication with the power, which is in both bytes of a word. */
  static __m512i digits(__m512i bytes, __m512i powers) {
    const __m512i three = _mm512_set1_epi16(3), upper = _mm512_set1_epi16(static_cast<short>(0xff00));
    const __m512i even = _mm512_slli_epi16(_mm512_mullo_epi16(bytes, powers), 8);
    const __m512i odd = _mm512_mullo_epi16(_mm512_and_si512(bytes, upper), powers);
    return _mm512_or_si512(_mm512_mulhi_epu16(even, three), _mm512_slli_epi16(_mm512_mulhi_epu16(odd, three), 8));
  }
  static __m512i powersOf(short lane0, short lane1, short lane2, short lane3) {
    return fourLanes(_mm_set1_epi16(lane0), _mm_set1_epi16(lane1), _mm_set1_epi16(lane2), _mm_set1_epi16(lane3));
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const __m128i a = sixteenBytes(from), b = sixteenBytes(from + 16);
    if (g == 0) {
      const __m512i powers = powersOf(1, 3, 9, 27);
      return {digits(_mm512_broadcast_i32x4(a), powers), digits(_mm512_broadcast_i32x4(b), powers)};
    }
    const __m128i c = sixteenBytes(from + 32);
    int32_t lastFour;
    std::memcpy(&lastFour, from + 48, 4);
    const __m512i rising =
        fourLanes(_mm_set1_epi16(81), _mm_set1_epi16(3), _mm_set1_epi16(27), _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27));
    return {digits(fourLanes(a, c, c, c), powersOf(81, 1, 9, 81)),
            digits(fourLanes(b, c, c, _mm_set1_epi32(lastFour)), rising)};
  }
};

}  // namespace
}  // namespace flashrow
