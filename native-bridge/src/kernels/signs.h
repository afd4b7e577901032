#pragma once

#include <cstring>

namespace flashrow {
namespace {

/**
 * The number of bits in which two runs of words differ. Takes eight bytes at a time, as the population count of the set
 * at hand does.
 */
inline uint64_t differing(const uint32_t* a, const uint32_t* b, size_t words) {
  uint64_t sum = 0;
  size_t i = 0;
  for (; i + 2 <= words; i += 2) {
    uint64_t left, right;
    std::memcpy(&left, a + i, 8);
    std::memcpy(&right, b + i, 8);
    sum += static_cast<uint64_t>(__builtin_popcountll(left ^ right));
  }
  if (i < words) sum += static_cast<uint64_t>(__builtin_popcount(a[i] ^ b[i]));
  return sum;
}

void agreements(const uint32_t* signs, size_t rows, size_t words, size_t columns, const uint32_t* inputs, size_t tokens,
                float* out, size_t outStride) {
  for (size_t r = 0; r < rows; r++) {
    const uint32_t* row = signs + r * words;
    for (size_t t = 0; t < tokens; t++) {
      out[t * outStride + r] = static_cast<float>(columns - differing(row, inputs + t * words, words));
    }
  }
}

}  // namespace
}  // namespace flashrow
