#pragma once

// Q4_K, Q5_K and Q6_K as integers. Part of vnni.cc; native-bridge/super-blocks.ts describes the layouts.

#include "kernels/vnni/spread_blocks.h"

namespace flashrow {
namespace {

/**
 * Scales of all eight blocks of 16 rows, and their minima or second scales. `Weights::packed` is as SuperScales wants
 * it, in bytes.
 */
template <class Weights, class Into>
void unpackScales(const uint8_t* const* rows, size_t offset, Into* into, size_t stride) {
  __m512i packed[4];
  for (size_t i = 0; i < 4; i++) {
    packed[i] = byColumn(Weights::packed(fourRows(rows + 4 * i, offset + Weights::kScalesAt)));
  }
  transposeLanes(packed);
  alignas(64) uint8_t bytes[4][64];
  for (size_t i = 0; i < 4; i++) _mm512_store_si512(bytes[i], packed[i]);
  const __m512 scale = halvesOf(rows, offset + Weights::kFactorAt);
  const __m512 also = Weights::kAlso == Also::Minimum
                          ? _mm512_sub_ps(_mm512_setzero_ps(), halvesOf(rows, offset + Weights::kFactorAt + 2))
                          : scale;
  for (size_t block = 0; block < 8; block++) {
    const uint8_t* from = bytes[block % 4] + 16 * (block / 4);
    into[block * stride].scale = _mm512_mul_ps(scale, Weights::widen(sixteenBytes(from)));
    into[block * stride].also = _mm512_mul_ps(also, Weights::widen(sixteenBytes(from + 32)));
  }
}

/** Four rows' scales, times the factors of the rows: element 4j + r of both is row r's. */
template <class Weights>
SuperScales scaleBy(__m512 scale, __m512 also, __m512i rows) {
  const __m512i bytes = byColumn(Weights::packed(rows));
  return {{_mm512_mul_ps(scale, Weights::widen(_mm512_castsi512_si128(bytes))),
           _mm512_mul_ps(scale, Weights::widen(_mm512_extracti32x4_epi32(bytes, 1)))},
          {_mm512_mul_ps(also, Weights::widen(_mm512_extracti32x4_epi32(bytes, 2))),
           _mm512_mul_ps(also, Weights::widen(_mm512_extracti32x4_epi32(bytes, 3)))}};
}

/** Four rows' blocks that are taken apart where they lie. */
template <class Weights>
struct RowsInPlace {
  const uint8_t* const* rows;
  size_t offset;
  SuperScales scales;

  RowsInPlace(const uint8_t* const* from, size_t at, size_t)
      : rows(from), offset(at), scales(Weights::scales(from, at)) {}
  Quants quants(size_t r, size_t g) const { return Weights::quants(rows[r] + offset, g); }
};

/** Q4_K and Q5_K: six-bit scales and minima of eight blocks in the 12 bytes behind two half floats. */
template <class Weights>
struct SixBitScaled {
  using FourRows = RowsInPlace<Weights>;
  static constexpr bool kGrouped = false, kLanesScaled = false, kInEights = false;
  static constexpr size_t kStepBlocks = 8, kScalesAt = 0, kFactorAt = 0;
  static constexpr int kBias = 0;
  static constexpr Also kAlso = Also::Minimum;

  /** From each lane's header to 16 bytes: eight scales, eight minima. */
  static __m512i packed(__m512i headers) {
    const __m512i low = _mm512_and_si512(
        _mm512_srlv_epi32(_mm512_shuffle_epi32(headers, static_cast<_MM_PERM_ENUM>(0xed)), everyLane(0, 0, 0, 4)),
        everyLane(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    const __m512i high = _mm512_srli_epi32(_mm512_shuffle_epi32(headers, static_cast<_MM_PERM_ENUM>(0x84)), 2);
    return _mm512_or_si512(low, _mm512_and_si512(high, everyLane(0, 0x30303030, 0, 0x30303030)));
  }
  static __m512 widen(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    const __m512i headers = fourRows(rows, offset);
    const __m512i factors = _mm512_permutexvar_epi32(everyLane(0, 4, 8, 12), headers);
    const __m512 scale = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(factors));
    const __m512 minimum = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(factors, 16)));
    return scaleBy<Weights>(scale, _mm512_sub_ps(_mm512_setzero_ps(), minimum), headers);
  }

  /** 64 bytes of nibbles: low ones of 32 bytes are a block, high ones the next. */
  static Quants nibbles(const uint8_t* from) {
    const __m512i bytes = _mm512_loadu_si512(from), low = _mm512_set1_epi8(15), shifts = everyLane(0, 0, 0, 0);
    const __m512i alternate = _mm512_mask_mov_epi32(shifts, 0xf0f0, _mm512_set1_epi32(4));
    return {_mm512_and_si512(_mm512_srlv_epi32(_mm512_shuffle_i32x4(bytes, bytes, 0xa0), alternate), low),
            _mm512_and_si512(_mm512_srlv_epi32(_mm512_shuffle_i32x4(bytes, bytes, 0xf5), alternate), low)};
  }

  static void unpack(const uint8_t* const* rows, size_t offset, PanelBlock* into, size_t stride) {
    unpackScales<Weights>(rows, offset, into, stride);
    const __m512i mask = _mm512_set1_epi16(15);
    for (size_t half = 0; half < 2; half++) {
      const auto fifths = Weights::fifthsOf(rows, offset, half);
      for (size_t block = 0; block < 8; block += 2) {
        __m512i bytes[4];
        gatherSixteen(rows, offset + Weights::kBytes - 128 + 16 * block + 16 * half, bytes);
        for (size_t k = 0; k < 4; k++) {
          for (unsigned odd = 0; odd < 2; odd++) {
            const size_t step = 4 * k + 2 * odd + half;
            const __m512i words = _mm512_srli_epi16(bytes[k], 8 * odd);
            into[block * stride].pairs[step] = fifths.add(_mm512_and_si512(words, mask), k, 8 * odd + block);
            into[(block + 1) * stride].pairs[step] =
                fifths.add(_mm512_and_si512(_mm512_srli_epi16(words, 4), mask), k, 8 * odd + block + 1);
          }
        }
      }
    }
  }
};

template <>
struct WeightsOf<BlockQ4_K> : SixBitScaled<WeightsOf<BlockQ4_K>> {
  static constexpr size_t kBytes = 144;

  static Quants quants(const uint8_t* block, size_t g) { return nibbles(block + 16 + 64 * g); }

  struct NoFifths {
    __m512i add(__m512i words, size_t, size_t) const { return words; }
  };
  static NoFifths fifthsOf(const uint8_t* const*, size_t, size_t) { return {}; }
};

template <>
struct WeightsOf<BlockQ5_K> : SixBitScaled<WeightsOf<BlockQ5_K>> {
  static constexpr size_t kBytes = 176;

  /** Bit b of fifth i is column i's in block b. */
  static Quants quants(const uint8_t* block, size_t g) {
    const Quants low = nibbles(block + 48 + 64 * g);
    const int32_t bit = 0x01010101 << (4 * g);
    const __m512i bits =
        _mm512_sllv_epi32(_mm512_set1_epi32(bit), _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
    const __m512i sixteen = _mm512_set1_epi8(16);
    const auto add = [&](__m512i quants, size_t at) {
      const __m512i fifths = _mm512_broadcast_i32x4(sixteenBytes(block + at));
      return _mm512_mask_add_epi8(quants, _mm512_test_epi8_mask(fifths, bits), quants, sixteen);
    };
    return {add(low.first, 16), add(low.second, 32)};
  }

  struct Fifths {
    __m512i bytes[4];
    __m512i add(__m512i words, size_t k, size_t bit) const {
      const __m512i fifth =
          _mm512_and_si512(_mm512_srli_epi16(bytes[k], static_cast<unsigned>(bit)), _mm512_set1_epi16(1));
      return _mm512_or_si512(words, _mm512_slli_epi16(fifth, 4));
    }
  };
  static Fifths fifthsOf(const uint8_t* const* rows, size_t offset, size_t half) {
    Fifths fifths;
    gatherSixteen(rows, offset + 16 + 16 * half, fifths.bytes);
    return fifths;
  }
};

/** Signed scales of runs of 16. */
template <>
struct WeightsOf<BlockQ6_K> {
  using FourRows = RowsInPlace<WeightsOf>;
  static constexpr bool kGrouped = false, kLanesScaled = false, kInEights = false;
  static constexpr size_t kBytes = 210, kStepBlocks = 8, kScalesAt = 192, kFactorAt = 208;
  static constexpr int kBias = 32;
  static constexpr Also kAlso = Also::Scale;
  static constexpr size_t kLanesFrom = 8;

  /** The even runs' scales, then the odd ones'. */
  static __m512i packed(__m512i scales) {
    return _mm512_shuffle_epi8(
        scales, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)));
  }
  static __m512 widen(__m128i bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)); }

  static SuperScales scales(const uint8_t* const* rows, size_t offset) {
    uint64_t halves = 0;
    for (size_t r = 0; r < 4; r++) {
      uint16_t half;
      std::memcpy(&half, rows[r] + offset + kFactorAt, 2);
      halves |= static_cast<uint64_t>(half) << (16 * r);
    }
    const __m512 factor = _mm512_cvtph_ps(_mm256_set1_epi64x(static_cast<int64_t>(halves)));
    return scaleBy<WeightsOf>(factor, factor, fourRows(rows, offset + kScalesAt));
  }

  static Quants quants(const uint8_t* block, size_t g) {
    const __m512i low = _mm512_loadu_si512(block + 64 * g), nibble = _mm512_set1_epi8(15),
                  twoBits = _mm512_set1_epi8(0x30);
    const __m512i down = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4);
    // Two bits of each byte to its bits 4 and 5.
    const __m512i round = _mm512_setr_epi32(4, 4, 4, 4, 2, 2, 2, 2, 0, 0, 0, 0, 30, 30, 30, 30);
    const auto high = [&](size_t at) {
      return _mm512_and_si512(_mm512_rolv_epi32(_mm512_broadcast_i32x4(sixteenBytes(block + 128 + 32 * g + at)), round),
                              twoBits);
    };
    return {_mm512_or_si512(_mm512_and_si512(_mm512_srlv_epi32(_mm512_shuffle_i32x4(low, low, 0x88), down), nibble),
                            high(0)),
            _mm512_or_si512(_mm512_and_si512(_mm512_srlv_epi32(_mm512_shuffle_i32x4(low, low, 0xdd), down), nibble),
                            high(16))};
  }

  /** Of half `half` of blocks 4g to 4g + 3 of 16 rows: two high bits of all, low nibbles of even and of odd ones. */
  static void gatherBits(const uint8_t* const* rows, size_t offset, size_t g, size_t half, __m512i (&high)[4],
                         __m512i (&low)[2][4]) {
    gatherSixteen(rows, offset + 128 + 32 * g + 16 * half, high);
    gatherSixteen(rows, offset + 64 * g + 16 * half, low[0]);
    gatherSixteen(rows, offset + 64 * g + 32 + 16 * half, low[1]);
  }

  /** A function of its own: else the pointers of 16 rows go through vectors. */
  [[gnu::noinline]] static void toLanes(const uint8_t* const* rows, size_t offset, LanesBlock* into) {
    unpackScales<WeightsOf>(rows, offset, into, 1);
    const __m512i nibble = _mm512_set1_epi8(15), twoBits = _mm512_set1_epi8(0x30);
    for (size_t g = 0; g < 2; g++) {
      for (size_t half = 0; half < 2; half++) {
        __m512i high[4], low[2][4];
        gatherBits(rows, offset, g, half, high, low);
        for (size_t k = 0; k < 4; k++) {
          const auto put = [&](size_t block, __m512i lower, __m512i upper) {
            into[4 * g + block].quants[half][k] =
                _mm512_or_si512(_mm512_and_si512(lower, nibble), _mm512_and_si512(upper, twoBits));
          };
          put(0, low[0][k], _mm512_slli_epi16(high[k], 4));
          put(1, low[1][k], _mm512_slli_epi16(high[k], 2));
          put(2, _mm512_srli_epi16(low[0][k], 4), high[k]);
          put(3, _mm512_srli_epi16(low[1][k], 4), _mm512_srli_epi16(high[k], 2));
        }
      }
    }
  }

  static void unpack(const uint8_t* const* rows, size_t offset, PanelBlock* into, size_t stride) {
    unpackScales<WeightsOf>(rows, offset, into, stride);
    const __m512i nibble = _mm512_set1_epi16(15), twoBits = _mm512_set1_epi16(3), bias = _mm512_set1_epi16(kBias);
    for (size_t g = 0; g < 2; g++) {
      for (size_t half = 0; half < 2; half++) {
        __m512i high[4], low[2][4];
        gatherBits(rows, offset, g, half, high, low);
        for (unsigned block = 0; block < 4; block++) {
          __m512i* pairs = into[(4 * g + block) * stride].pairs;
          for (size_t k = 0; k < 4; k++) {
            for (unsigned odd = 0; odd < 2; odd++) {
              const __m512i lower =
                  _mm512_and_si512(_mm512_srli_epi16(low[block % 2][k], 8 * odd + 4 * (block / 2)), nibble);
              const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(high[k], 8 * odd + 2 * block), twoBits);
              pairs[4 * k + 2 * odd + half] =
                  _mm512_sub_epi16(_mm512_or_si512(lower, _mm512_slli_epi16(upper, 4)), bias);
            }
          }
        }
      }
    }
  }
};

}  // namespace
}  // namespace flashrow
