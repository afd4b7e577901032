#pragma once

// Q2_K, Q3_K and IQ4_XS as integers, where they lie. Part of vnni.cc. Many tokens take them spread out.

#include "kernels/vnni/super_blocks.h"

namespace flashrow {
namespace {

/** The even runs' bytes of each lane, then the odd ones'. */
inline __m512i evenFirst(__m512i bytes) {
  return _mm512_shuffle_epi8(
      bytes, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)));
}

/** A half float of each of four rows, in each lane. */
inline __m512 fourHalves(const uint8_t* const* rows, size_t offset) {
  uint64_t halves = 0;
  for (size_t r = 0; r < 4; r++) {
    uint16_t half;
    std::memcpy(&half, rows[r] + offset, 2);
    halves |= static_cast<uint64_t>(half) << (16 * r);
  }
  return _mm512_cvtph_ps(_mm256_set1_epi64x(static_cast<int64_t>(halves)));
}

/** Two bits of each weight of half a block: four runs of 32 share 32 bytes. */
inline Quants pairsOfBits(const uint8_t* from) {
  const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
  const auto run = [&](const uint8_t* bytes) {
    return _mm512_and_si512(_mm512_srlv_epi32(_mm512_broadcast_i32x4(sixteenBytes(bytes)), shifts),
                            _mm512_set1_epi8(3));
  };
  return {run(from), run(from + 16)};
}

template <>
struct WeightsOf<BlockQ2_K> : SpreadWeights<BlockQ2_K> {
  using FourRows = RowsInPlace<WeightsOf>;
  /** Lane j's quants stay where they lie, 4^j times what they are. The sums in integers are divided. */
  static constexpr bool kLanesScaled = true;
  static constexpr int kBias = 0;

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512 scale = fourHalves(rows, offset + 80), minimum = negated(fourHalves(rows, offset + 82));
    // Low nibbles are scales, high ones minima.
    const __m512i bytes = byColumn(evenFirst(fourRows(rows, offset))), low = _mm512_set1_epi8(15);
    const __m512i lows = _mm512_and_si512(bytes, low), highs = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low);
    const auto times = [](__m512 factor, __m128i nibbles) {
      return _mm512_mul_ps(factor, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(nibbles)));
    };
    return {
        {times(scale, _mm512_castsi512_si128(lows)), times(scale, _mm512_extracti32x4_epi32(lows, 1))},
        {times(scale, _mm512_extracti32x4_epi32(lows, 2)), times(scale, _mm512_extracti32x4_epi32(lows, 3))},
        {{times(minimum, _mm512_castsi512_si128(highs)), times(minimum, _mm512_extracti32x4_epi32(highs, 1))},
         {times(minimum, _mm512_extracti32x4_epi32(highs, 2)), times(minimum, _mm512_extracti32x4_epi32(highs, 3))}}};
  }

  static Quants quants(const uint8_t* block, size_t g) {
    const __m512i pairs = _mm512_setr_epi32(0x03030303, 0x03030303, 0x03030303, 0x03030303, 0x0c0c0c0c, 0x0c0c0c0c,
                                            0x0c0c0c0c, 0x0c0c0c0c, 0x30303030, 0x30303030, 0x30303030, 0x30303030,
                                            static_cast<int32_t>(0xc0c0c0c0), static_cast<int32_t>(0xc0c0c0c0),
                                            static_cast<int32_t>(0xc0c0c0c0), static_cast<int32_t>(0xc0c0c0c0));
    const uint8_t* from = block + 16 + 32 * g;
    return {_mm512_and_si512(_mm512_broadcast_i32x4(sixteenBytes(from)), pairs),
            _mm512_and_si512(_mm512_broadcast_i32x4(sixteenBytes(from + 16)), pairs)};
  }
};

template <>
struct WeightsOf<BlockQ3_K> : SpreadWeights<BlockQ3_K> {
  using FourRows = RowsInPlace<WeightsOf>;
  static constexpr int kBias = 4;

  /** From bytes 94 to 109 of each lane's block, of which twelve are scales: sixteen signed bytes. */
  static __m512i packed(__m512i bytes) {
    const auto inLanes = [](__m128i order) { return _mm512_broadcast_i32x4(order); };
    const __m512i lows =
        _mm512_shuffle_epi8(bytes, inLanes(_mm_setr_epi8(2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9)));
    const __m512i highs = _mm512_shuffle_epi8(
        bytes, inLanes(_mm_setr_epi8(10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13)));
    const __m512i low = _mm512_and_si512(_mm512_srlv_epi32(lows, everyLane(0, 0, 4, 4)), _mm512_set1_epi8(15));
    const __m512i high = _mm512_and_si512(_mm512_srlv_epi32(highs, everyLane(0, 2, 4, 6)), _mm512_set1_epi8(3));
    return evenFirst(_mm512_sub_epi8(_mm512_or_si512(low, _mm512_slli_epi16(high, 4)), _mm512_set1_epi8(32)));
  }
  static __m512 widen(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)); }

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512 scale = fourHalves(rows, offset + 108);
    return scaleBy<WeightsOf>(scale, scale, fourRows(rows, offset + 94));
  }

  /** A set third bit adds 4, and the bias takes 4 away. Bit b of third i is column i's in run b. */
  static Quants quants(const uint8_t* block, size_t g) {
    const Quants pairs = pairsOfBits(block + 32 + 32 * g);
    const __m512i bits = _mm512_sllv_epi32(_mm512_set1_epi32(0x01010101 << (4 * g)),
                                           _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
    const auto add = [&](__m512i quants, size_t at) {
      const __m512i thirds = _mm512_broadcast_i32x4(sixteenBytes(block + at));
      return _mm512_mask_add_epi8(quants, _mm512_test_epi8_mask(thirds, bits), quants, _mm512_set1_epi8(4));
    };
    return {add(pairs.first, 0), add(pairs.second, 16)};
  }
};

/** A table of 16 values in each lane, as unsigned bytes: plus `bias`. */
inline __m512i iq4Values(int bias) {
  return _mm512_add_epi8(_mm512_broadcast_i32x4(sixteenBytes(reinterpret_cast<const uint8_t*>(kIq4Values))),
                         _mm512_set1_epi8(static_cast<char>(bias)));
}

template <>
struct WeightsOf<BlockIQ4_XS> : SpreadWeights<BlockIQ4_XS> {
  using FourRows = RowsInPlace<WeightsOf>;
  static constexpr int kBias = 127;

  /** From the eight bytes before the quants of each lane's block to eight signed bytes. */
  static __m512i packed(__m512i headers) {
    const auto inLanes = [](__m128i order) { return _mm512_broadcast_i32x4(order); };
    // Bytes 2 and 3 are two high bits of eight runs, bytes 4 to 7 their low nibbles.
    const __m512i lows =
        _mm512_shuffle_epi8(headers, inLanes(_mm_setr_epi8(4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7, -1)));
    const __m512i highs =
        _mm512_shuffle_epi8(headers, inLanes(_mm_setr_epi8(2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3)));
    const __m512i low = _mm512_and_si512(_mm512_srlv_epi16(lows, inLanes(_mm_setr_epi16(0, 4, 0, 4, 0, 4, 0, 4))),
                                         _mm512_set1_epi16(15));
    const __m512i high = _mm512_and_si512(_mm512_srlv_epi16(highs, inLanes(_mm_setr_epi16(0, 2, 4, 6, 8, 10, 12, 14))),
                                          _mm512_set1_epi16(3));
    const __m512i words = _mm512_sub_epi16(_mm512_or_si512(low, _mm512_slli_epi16(high, 4)), _mm512_set1_epi16(32));
    return _mm512_packs_epi16(words, words);
  }
  static __m512 widen(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)); }

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512 scale = fourHalves(rows, offset);
    return scaleBy<WeightsOf>(scale, scale, fourRows(rows, offset));
  }

  static Quants quants(const uint8_t* block, size_t g) {
    const __m512i bytes = _mm512_loadu_si512(block + 8 + 64 * g), low = _mm512_set1_epi8(15);
    const __m512i values = iq4Values(kBias);
    return {_mm512_shuffle_epi8(values, _mm512_and_si512(bytes, low)),
            _mm512_shuffle_epi8(values, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low))};
  }
};

}  // namespace
}  // namespace flashrow
