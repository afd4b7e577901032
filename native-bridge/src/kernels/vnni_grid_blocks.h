#pragma once

// The IQ types with grids as integers, taken apart in registers. Part of vnni.cc.

#include "kernels/vnni_few_bit_blocks.h"

namespace flashrow {
namespace {

/** The sixteen points of half a block: `point(k)` gives eight weights. */
template <class Point>
Quants pointsOf(const Point& point) {
  const auto pair = [&](size_t k) {
    return _mm_set_epi64x(static_cast<long long>(point(k + 1)), static_cast<long long>(point(k)));
  };
  return {fourLanes(pair(0), pair(4), pair(8), pair(12)), fourLanes(pair(2), pair(6), pair(10), pair(14))};
}

/** A bit for each weight of half a block, as Quants has them. */
struct Bits {
  __mmask64 first, second;
};

/** Sixteen bytes with a bit for each weight, point after point. */
inline Bits bitsOf(__m128i bytes) {
  const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  const __m128i words = _mm_shuffle_epi8(bytes, order);
  return {static_cast<__mmask64>(_mm_cvtsi128_si64(words)), static_cast<__mmask64>(_mm_extract_epi64(words, 1))};
}

/** Seven signs in each byte, with the eighth that makes their number even. */
inline __m128i withEighthSign(__m128i sevens) {
  const __m128i odd = _mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0);
  const __m128i low = _mm_set1_epi8(15);
  const __m128i parity = _mm_xor_si128(_mm_shuffle_epi8(odd, _mm_and_si128(sevens, low)),
                                       _mm_shuffle_epi8(odd, _mm_and_si128(_mm_srli_epi16(sevens, 4), low)));
  return _mm_or_si128(sevens, parity);
}

/** Four times seven bits of each word, a byte each. */
inline __m128i fourSevens(__m128i words) {
  const auto part = [&](__m128i shifted, int mask) { return _mm_and_si128(shifted, _mm_set1_epi32(mask)); };
  return _mm_or_si128(
      _mm_or_si128(part(words, 0x7f), part(_mm_slli_epi32(words, 1), 0x7f00)),
      _mm_or_si128(part(_mm_slli_epi32(words, 2), 0x7f0000), part(_mm_slli_epi32(words, 3), 0x7f000000)));
}

/** Weights above zero, plus 64; negated, plus 64, where their bit is set. */
inline Quants signedBy(const Quants& points, const Bits& signs) {
  const __m512i bias = _mm512_set1_epi8(64);
  return {_mm512_mask_sub_epi8(_mm512_add_epi8(points.first, bias), signs.first, bias, points.first),
          _mm512_mask_sub_epi8(_mm512_add_epi8(points.second, bias), signs.second, bias, points.second)};
}

/** Scales of factor * (1 + 2 * q); `kFactor` is what the half is multiplied by, and `packedRow` gives 16 bytes of q. */
template <class Weights, class Block, int bias>
struct OddScaled : SpreadWeights<Block> {
  using FourRows = RowsInPlace<Weights>;
  static constexpr int kBias = bias;

  static __m512i packed(__m512i rows) { return rows; }
  static __m512 widen(__m128i bytes) {
    const __m512i q = _mm512_cvtepu8_epi32(bytes);
    return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_add_epi32(q, q), _mm512_set1_epi32(1)));
  }
  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512 factor = _mm512_mul_ps(Weights::halves(rows, offset), _mm512_set1_ps(Weights::kFactor));
    const auto row = [&](size_t r) { return Weights::packedRow(rows[r] + offset); };
    return scaleBy<Weights>(factor, factor, fourLanes(row(0), row(1), row(2), row(3)));
  }
  static __m512 halves(const uint8_t* const* rows, size_t offset) { return halfForAllBlocks(rows, offset); }
};

inline __m128i eightBytes(const uint8_t* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }

/** Eight bytes of nibbles: the low ones, of even runs, then the high ones. */
inline __m128i nibblesApart(__m128i bytes) {
  return _mm_and_si128(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
}

template <>
struct WeightsOf<BlockIQ2_XXS> : OddScaled<WeightsOf<BlockIQ2_XXS>, BlockIQ2_XXS, 64> {
  static constexpr float kFactor = 0.125f;
  static __m128i packedRow(const uint8_t* from) {
    return _mm512_cvtepi64_epi8(_mm512_srli_epi64(_mm512_loadu_si512(from + 2), 60));
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t* points = from + 2 + 32 * g;
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(points));
    const __m128i signs =
        _mm256_castsi256_si128(_mm256_permutexvar_epi32(_mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7), words));
    return signedBy(pointsOf([&](size_t k) { return kGridIq2Xxs[points[8 * (k / 4) + k % 4]]; }),
                    bitsOf(withEighthSign(fourSevens(signs))));
  }
};

template <>
struct WeightsOf<BlockIQ2_XS> : OddScaled<WeightsOf<BlockIQ2_XS>, BlockIQ2_XS, 64> {
  static constexpr float kFactor = 0.125f;
  static __m128i packedRow(const uint8_t* from) { return nibblesApart(eightBytes(from + 66)); }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t* points = from + 2 + 32 * g;
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(points));
    const auto point = [&](size_t k) {
      uint16_t word;
      std::memcpy(&word, points + 2 * k, 2);
      return kGridIq2Xs[word & 511];
    };
    return signedBy(pointsOf(point), bitsOf(withEighthSign(_mm256_cvtepi16_epi8(_mm256_srli_epi16(words, 9)))));
  }
};

template <>
struct WeightsOf<BlockIQ2_S> : OddScaled<WeightsOf<BlockIQ2_S>, BlockIQ2_S, 64> {
  static constexpr float kFactor = 0.125f;
  static __m128i packedRow(const uint8_t* from) { return nibblesApart(eightBytes(from + 74)); }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t *low = from + 2 + 16 * g, *high = from + 66 + 4 * g;
    const auto point = [&](size_t k) {
      return kGridIq2S[low[k] | (static_cast<size_t>(high[k / 4]) << (8 - 2 * (k % 4)) & 0x300)];
    };
    return signedBy(pointsOf(point), bitsOf(sixteenBytes(from + 34 + 16 * g)));
  }
};

template <>
struct WeightsOf<BlockIQ3_XXS> : OddScaled<WeightsOf<BlockIQ3_XXS>, BlockIQ3_XXS, 64> {
  static constexpr float kFactor = 0.25f;
  static __m128i packedRow(const uint8_t* from) {
    return _mm256_cvtepi32_epi8(_mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 66)), 28));
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t* points = from + 2 + 32 * g;
    const auto point = [&](size_t k) {
      return kGridIq3Xxs[points[2 * k]] | static_cast<uint64_t>(kGridIq3Xxs[points[2 * k + 1]]) << 32;
    };
    return signedBy(pointsOf(point), bitsOf(withEighthSign(fourSevens(sixteenBytes(from + 66 + 16 * g)))));
  }
};

template <>
struct WeightsOf<BlockIQ3_S> : OddScaled<WeightsOf<BlockIQ3_S>, BlockIQ3_S, 64> {
  static constexpr float kFactor = 1;
  static __m128i packedRow(const uint8_t* from) {
    int32_t nibbles;
    std::memcpy(&nibbles, from + 106, 4);
    const __m128i bytes = _mm_cvtsi32_si128(nibbles);
    return _mm_and_si128(_mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t *low = from + 2 + 32 * g, *high = from + 66 + 4 * g;
    const auto point = [&](size_t k) {
      const size_t ninths = static_cast<size_t>(high[k / 4]) << (8 - 2 * (k % 4));
      return kGridIq3S[low[2 * k] | (ninths & 0x100)] |
             static_cast<uint64_t>(kGridIq3S[low[2 * k + 1] | (ninths >> 1 & 0x100)]) << 32;
    };
    return signedBy(pointsOf(point), bitsOf(sixteenBytes(from + 74 + 16 * g)));
  }
};

/** Points as grids.h has them, which are 9 too large, less 2 where a bit is set. */
inline Quants movedBy(const Quants& points, const Bits& down) {
  const __m512i two = _mm512_set1_epi8(2);
  return {_mm512_mask_sub_epi8(points.first, down.first, points.first, two),
          _mm512_mask_sub_epi8(points.second, down.second, points.second, two)};
}

template <>
struct WeightsOf<BlockIQ1_S> : OddScaled<WeightsOf<BlockIQ1_S>, BlockIQ1_S, 9> {
  static constexpr float kFactor = 0.125f;
  static __m128i packedRow(const uint8_t* from) {
    const __m128i scales = _mm_and_si128(_mm_srli_epi16(sixteenBytes(from + 34), 12), _mm_set1_epi16(7));
    return _mm_cvtepi16_epi8(scales);
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t* low = from + 2 + 16 * g;
    uint64_t high;
    std::memcpy(&high, from + 34 + 8 * g, 8);
    const auto point = [&](size_t k) { return kGridIq1[low[k] | ((high >> (16 * (k / 4) + 3 * (k % 4)) & 7) << 8)]; };
    // The highest bit of a word counts for all 16 weights of a lane.
    const __mmask64 down = ((high & 0x8000800080008000) >> 15) * 0xffff;
    return movedBy(pointsOf(point), {down, down});
  }
};

template <>
struct WeightsOf<BlockIQ1_M> : OddScaled<WeightsOf<BlockIQ1_M>, BlockIQ1_M, 9> {
  static constexpr float kFactor = 0.125f;
  static __m512 halves(const uint8_t* const* rows, size_t offset) {
    uint64_t halves = 0;
    for (size_t r = 0; r < 4; r++) {
      uint16_t words[4];
      std::memcpy(words, rows[r] + offset + 48, 8);
      const uint64_t half = words[0] >> 12 | (words[1] >> 12) << 4 | (words[2] >> 12) << 8 | (words[3] >> 12) << 12;
      halves |= half << (16 * r);
    }
    return _mm512_cvtph_ps(_mm256_set1_epi64x(static_cast<long long>(halves)));
  }
  /** Three bits of even runs, then of odd ones: four runs in a word. */
  static __m128i packedRow(const uint8_t* from) {
    const __m128i words = eightBytes(from + 48);
    const __m128i twice = _mm_unpacklo_epi16(words, words), seven = _mm_set1_epi16(7);
    const __m128i even = _mm_srlv_epi16(twice, _mm_set1_epi32(6 << 16));
    const __m128i odd = _mm_srlv_epi16(twice, _mm_set1_epi32(3 | 9 << 16));
    return _mm_packus_epi16(_mm_and_si128(even, seven), _mm_and_si128(odd, seven));
  }
  static Quants quants(const uint8_t* from, size_t g) {
    const uint8_t* low = from + 16 * g;
    uint64_t high;
    std::memcpy(&high, from + 32 + 8 * g, 8);
    const auto point = [&](size_t k) { return kGridIq1[low[k] | ((high >> (4 * k) & 7) << 8)]; };
    const __m128i nibbles = _mm_cvtsi64_si128(static_cast<long long>(high));
    // A byte for each point, whose bit 3 says that it moves down.
    const __m128i each = _mm_unpacklo_epi8(nibbles, _mm_srli_epi16(nibbles, 4));
    const __m128i bit = _mm_set1_epi8(8);
    return movedBy(pointsOf(point), bitsOf(_mm_cmpeq_epi8(_mm_and_si128(each, bit), bit)));
  }
};

}  // namespace
}  // namespace flashrow
