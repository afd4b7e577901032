#pragma once

// Spreads Q5_0 and Q5_1 out to bytes and scales. native-bridge/five-bit-blocks.ts describes the layouts.

#include "kernels/block_bytes.h"

namespace flashrow {
namespace {

/** Four bytes of fifth bits, then 16 of nibbles, the low ones first. */
inline void expandFiveBits(const uint8_t* from, int8_t* quants) {
  spreadBits<16>(from + 4, 0, 0x0f0f0f0f, quants);
  spreadBits<16>(from + 4, 4, 0x0f0f0f0f, quants + 16);
  for (size_t i = 0; i < 32; i += 8) {
    // A byte's eight bits to the lowest bits of eight bytes: the product puts copies seven bits apart, and each bit 8i
    // of it is bit i of the byte.
    const uint64_t low = (from[i / 8] & 0x7fu) * uint64_t{0x0002040810204081} & 0x0101010101010101;
    const uint64_t fifths = (low | static_cast<uint64_t>(from[i / 8] >> 7) << 56) << 4;
    uint64_t eight;
    std::memcpy(&eight, quants + i, 8);
    eight |= fifths;
    std::memcpy(quants + i, &eight, 8);
  }
}

struct BlockQ5_0 {
  static constexpr size_t kWeights = 32, kBytes = 22, kRun = 32;
  static constexpr bool kHasMinima = false;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float*) {
    scales[0] = halfAt(from);
    expandFiveBits(from + 2, quants);
    for (size_t i = 0; i < 32; i++) quants[i] = static_cast<int8_t>(quants[i] - 16);
  }
};

struct BlockQ5_1 {
  static constexpr size_t kWeights = 32, kBytes = 24, kRun = 32;
  static constexpr bool kHasMinima = true;

  static void expand(const uint8_t* from, int8_t* quants, float* scales, float* minima) {
    scales[0] = halfAt(from);
    minima[0] = -halfAt(from + 2);
    expandFiveBits(from + 4, quants);
  }
};

}  // namespace
}  // namespace flashrow
