#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flashrow {

// The grids of GGML's IQ types; native-bridge/grids.ts tells what they are. Byte i of a point is its weight i.

extern const std::array<uint64_t, 256> kGridIq2Xxs;
extern const std::array<uint64_t, 512> kGridIq2Xs;
extern const std::array<uint64_t, 1024> kGridIq2S;
extern const std::array<uint32_t, 256> kGridIq3Xxs;
extern const std::array<uint32_t, 512> kGridIq3S;
/** Eight times the weights, plus 10. */
extern const std::array<uint64_t, 2048> kGridIq1;

/**
 * Points as numbers of their levels, in the order of these, 16 bits a point: of weight i at bit 8 * (i % 2) + 2 * (i /
 * 2), or + 4 * (i / 2) where a point has four weights.
 */
template <size_t size>
struct alignas(64) DigitWords {
  uint16_t of[size];
};

extern const DigitWords<256> kDigitsIq2Xxs;
extern const DigitWords<512> kDigitsIq2Xs;
extern const DigitWords<1024> kDigitsIq2S;
extern const DigitWords<256> kDigitsIq3Xxs;
extern const DigitWords<512> kDigitsIq3S;
extern const DigitWords<2048> kDigitsIq1;

/** The same digits, the bytes of a word apart: those of even weights, and of odd ones. */
template <size_t size>
struct alignas(64) DigitBytes {
  uint8_t even[size], odd[size];
};

extern const DigitBytes<256> kDigitBytesIq2Xxs;
extern const DigitBytes<512> kDigitBytesIq2Xs;
extern const DigitBytes<1024> kDigitBytesIq2S;
extern const DigitBytes<256> kDigitBytesIq3Xxs;
extern const DigitBytes<512> kDigitBytesIq3S;

/**
 * The digits of a point of eight weights, so that signs fit beside them: those of weights 0, 1, 4 and 5, and two
 * weights further on. Of weights 0 and 4 they are bits 1 and 2 of a half byte, of weights 1 and 5 bits 0 and 3.
 */
template <size_t size>
struct alignas(64) DigitsBesideSigns {
  uint8_t first[size], second[size];
};

extern const DigitsBesideSigns<256> kDigitsBesideSignsIq2Xxs;
extern const DigitsBesideSigns<512> kDigitsBesideSignsIq2Xs;
extern const DigitsBesideSigns<1024> kDigitsBesideSignsIq2S;

/**
 * The digits of IQ1's points, two bits each: of weights 0 to 3, and of the others. Those change at most once among 16
 * points, as points stand in the order of their last weights: to `high[1]`, from point `change` of the sixteen on.
 */
struct alignas(64) Iq1Digits {
  uint8_t low[2048];
  uint8_t high[2][128];
  uint8_t change[128];
};

extern const Iq1Digits kIq1Digits;

/** For each eight bits: byte i is 0xff where bit i is set. */
extern const std::array<uint64_t, 256> kSignMasks;
/** The same for seven bits, with an eighth that makes their number even. */
extern const std::array<uint64_t, 128> kEvenSignMasks;
}  // namespace flashrow
