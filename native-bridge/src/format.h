#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/**
 * Weight formats. The numbers are GGML's type ids, as in formats.ts. I16 is for keys and values alone; no file has it.
 */
enum class Format : uint8_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ4_NL = 20,
  IQ4_XS = 23,
  BF16 = 30,
  Mxfp4 = 39,
  I16 = 255
};

struct FormatTraits {
  size_t blockSize;
  size_t blockBytes;
};

constexpr FormatTraits traitsOf(Format format) {
  switch (format) {
    case Format::F32: return {1, 4};
    case Format::F16: return {1, 2};
    case Format::I16: return {1, 2};
    case Format::Q4_0: return {32, 18};
    case Format::Q4_1: return {32, 20};
    case Format::Q5_0: return {32, 22};
    case Format::Q5_1: return {32, 24};
    case Format::Q8_0: return {32, 34};
    case Format::Q2_K: return {256, 84};
    case Format::Q3_K: return {256, 110};
    case Format::Q4_K: return {256, 144};
    case Format::Q5_K: return {256, 176};
    case Format::Q6_K: return {256, 210};
    case Format::IQ4_NL: return {32, 18};
    case Format::IQ4_XS: return {256, 136};
    case Format::BF16: return {1, 2};
    case Format::Mxfp4: return {32, 17};
  }
  return {1, 0};
}

/** Whether a file may have the format. */
constexpr bool isFormat(int64_t id) { return id >= 0 && id < 255 && traitsOf(static_cast<Format>(id)).blockBytes > 0; }

/** Whether sums of scaled rows can be taken a few columns at a time, which blocks of 256 do not allow. */
constexpr bool addsByColumns(Format format) { return traitsOf(format).blockSize <= 32; }

constexpr bool holdsWholeBlocks(Format format, size_t columns) { return columns % traitsOf(format).blockSize == 0; }

constexpr size_t rowBytes(Format format, size_t columns) {
  return columns / traitsOf(format).blockSize * traitsOf(format).blockBytes;
}

}  // namespace flashrow
