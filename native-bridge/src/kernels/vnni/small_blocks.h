#pragma once

// IQ4_NL, Q5_0 and Q5_1 as integers, four blocks at a time. Part of vnni.cc.

#include "kernels/vnni/low_bit_blocks.h"

namespace flashrow {
namespace {

template <>
struct WeightsOf<BlockIQ4_NL> : NibbleWeights<2> {
  static constexpr int kBias = 127;
  static constexpr Also kAlso = Also::Nothing;

  static Group group(const uint8_t* from, size_t blocks) {
    const Group nibbles = NibbleWeights<2>::group(from, blocks);
    const __m512i values = iq4Values(kBias);
    return {_mm512_shuffle_epi8(values, nibbles.first), _mm512_shuffle_epi8(values, nibbles.second), nibbles.scales};
  }
};

template <>
inline void unpackRows<WeightsOf<BlockIQ4_NL>>(const uint8_t* const* rows, size_t offset, __m512i* into) {
  unpackByTable(rows, offset + 2, iq4Values(0), into);
}

/** Blocks of `header` bytes, four of fifth bits, and 16 of nibbles, the low ones first. */
template <size_t header>
struct FiveBitWeights : HalfScaled {
  static constexpr size_t kBytes = 20 + header;

  static Group group(const uint8_t* from, size_t blocks) {
    constexpr short kWords = kBytes / 2, kFifths = header / 2, kNibbles = kFifths + 2;
    const size_t words = blocks * kWords;
    const __m512i front = _mm512_maskz_loadu_epi16(firstWords(words), from);
    const __m512i back = _mm512_maskz_loadu_epi16(words > 32 ? firstWords(words - 32) : 0, from + 64);
    const auto take = [&](__m512i which) { return _mm512_permutex2var_epi16(front, which, back); };
    const __m512i bytes =
        take(eightWordsEach(kNibbles, kWords + kNibbles, 2 * kWords + kNibbles, 3 * kWords + kNibbles));
    // Each lane begins with its block's four bytes of fifth bits.
    const __m512i fifths = take(eightWordsEach(kFifths, kWords + kFifths, 2 * kWords + kFifths, 3 * kWords + kFifths));
    const __m512i bits = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201));
    const __m512i low = _mm512_set1_epi8(15), sixteen = _mm512_set1_epi8(16);
    const auto add = [&](__m512i nibbles, char firstByte) {
      const char second = static_cast<char>(firstByte + 1);
      const __m512i order = _mm512_broadcast_i32x4(
          _mm_setr_epi8(firstByte, firstByte, firstByte, firstByte, firstByte, firstByte, firstByte, firstByte,  //
                        second, second, second, second, second, second, second, second));
      const __mmask64 set = _mm512_test_epi8_mask(_mm512_shuffle_epi8(fifths, order), bits);
      return _mm512_mask_add_epi8(nibbles, set, nibbles, sixteen);
    };
    return {add(_mm512_and_si512(bytes, low), 0), add(_mm512_and_si512(_mm512_srli_epi16(bytes, 4), low), 2),
            take(fourTimesEach(0, kWords, 2 * kWords, 3 * kWords))};
  }
};

template <>
struct WeightsOf<BlockQ5_0> : FiveBitWeights<2> {
  static constexpr int kBias = 16;
  static constexpr Also kAlso = Also::Nothing;
};

template <>
struct WeightsOf<BlockQ5_1> : FiveBitWeights<4> {
  static constexpr int kBias = 0;
  static constexpr Also kAlso = Also::Minimum;
};

/** As unpackRows of nibbles, with bit c of the fifths for column c. */
template <class Weights>
void unpackFiveBits(const uint8_t* const* rows, size_t offset, __m512i* into) {
  __m512i bytes[4];
  gatherSixteen(rows, offset + Weights::kBytes - 16, bytes);
  alignas(64) uint32_t fifthsOf[16];
  for (size_t r = 0; r < 16; r++) std::memcpy(&fifthsOf[r], rows[r] + offset + Weights::kBytes - 20, 4);
  const __m512i fifths = _mm512_load_si512(fifthsOf);
  const __m512i mask = _mm512_set1_epi16(15), bias = _mm512_set1_epi16(Weights::kBias);
  for (unsigned k = 0; k < 4; k++) {
    for (unsigned s = 0; s < 4; s++) {
      // The pair's columns are `column` and the second after it.
      const unsigned column = 4 * k + 16 * (s % 2) + s / 2;
      const __m512i here = _mm512_srli_epi32(fifths, column);
      const __m512i first = _mm512_and_si512(_mm512_slli_epi32(here, 4), _mm512_set1_epi32(1 << 4));
      const __m512i second = _mm512_and_si512(_mm512_slli_epi32(here, 18), _mm512_set1_epi32(1 << 20));
      const __m512i nibbles = _mm512_and_si512(_mm512_srli_epi16(bytes[k], 4 * s), mask);
      into[4 * k + s] = _mm512_sub_epi16(_mm512_or_si512(nibbles, _mm512_or_si512(first, second)), bias);
    }
  }
}

template <>
inline void unpackRows<WeightsOf<BlockQ5_0>>(const uint8_t* const* rows, size_t offset, __m512i* into) {
  unpackFiveBits<WeightsOf<BlockQ5_0>>(rows, offset, into);
}
template <>
inline void unpackRows<WeightsOf<BlockQ5_1>>(const uint8_t* const* rows, size_t offset, __m512i* into) {
  unpackFiveBits<WeightsOf<BlockQ5_1>>(rows, offset, into);
}

}  // namespace
}  // namespace flashrow
