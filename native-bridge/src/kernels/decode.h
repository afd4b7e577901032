#pragma once

// Weights to floats, format by format. Part of shared.h.

#include <cstring>

#include "kernels/kernels.h"
#include "kernels/block_formats.h"

namespace flashrow {
namespace {

using F = Simd::F;
constexpr size_t kLanes = Simd::kLanes;

constexpr size_t least(size_t a, size_t b) { return a < b ? a : b; }

/** Each decodes `kWeights` weights (kVectors registers) from `kBytes` bytes. */
struct DecodeF32 {
  static constexpr size_t kWeights = kLanes, kVectors = 1, kBytes = 4 * kLanes;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::load(reinterpret_cast<const float*>(from)); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    into[0] = Simd::loadFirst(reinterpret_cast<const float*>(from), count);
  }
};

struct DecodeF16 {
  static constexpr size_t kWeights = kLanes, kVectors = 1, kBytes = 2 * kLanes;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::loadHalves(from); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    uint8_t padded[kBytes] = {};
    std::memcpy(padded, from, count * 2);
    into[0] = Simd::loadHalves(padded);
  }
};

struct DecodeBF16 {
  static constexpr size_t kWeights = kLanes, kVectors = 1, kBytes = 2 * kLanes;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::loadBfloats(from); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    uint8_t padded[kBytes] = {};
    std::memcpy(padded, from, count * 2);
    into[0] = Simd::loadBfloats(padded);
  }
};

struct DecodeI16 {
  static constexpr size_t kWeights = kLanes, kVectors = 1, kBytes = 2 * kLanes;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::loadIntegers(from); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    uint8_t padded[kBytes] = {};
    std::memcpy(padded, from, count * 2);
    into[0] = Simd::loadIntegers(padded);
  }
};

struct WholeBlocks {
  static constexpr size_t kWeights = 32, kVectors = kWeights / kLanes;
  static void decodeFirst(const uint8_t*, size_t, F* into) { into[0] = Simd::zero(); }
};

struct DecodeQ8_0 : WholeBlocks {
  static constexpr size_t kBytes = 34;
  static void decode(const uint8_t* from, F* into) {
    const F scale = Simd::loadHalf(from);
    for (size_t v = 0; v < kVectors; v++) into[v] = Simd::multiply(scale, Simd::loadSignedBytes(from + 2 + kLanes * v));
  }
};

/** 32 nibbles: the low ones of 16 bytes, then the high ones. */
struct NibbleBlocks : WholeBlocks {
  template <class Level>
  static void decodeNibbles(const uint8_t* from, int bias, const Level& level, F* into) {
    for (size_t v = 0; v < kVectors / 2; v++) {
      Simd::loadNibbles(from + kLanes * v, bias, level, into[v], into[v + kVectors / 2]);
    }
  }
};

struct DecodeQ4_0 : NibbleBlocks {
  static constexpr size_t kBytes = 18;
  static void decode(const uint8_t* from, F* into) {
    const F scale = Simd::loadHalf(from);
    decodeNibbles(from + 2, 8, [&](F q) { return Simd::multiply(scale, q); }, into);
  }
};

struct DecodeQ4_1 : NibbleBlocks {
  static constexpr size_t kBytes = 20;
  static void decode(const uint8_t* from, F* into) {
    F scale, minimum;
    Simd::loadHalfPair(from, scale, minimum);
    decodeNibbles(from + 4, 0, [&](F q) { return Simd::affine(scale, q, minimum); }, into);
  }
};

/** 32 values of E2M1 under one power of two (OCP Microscaling Formats 1.0). */
struct DecodeMxfp4 : WholeBlocks {
  static constexpr size_t kBytes = 17;
  static void decode(const uint8_t* from, F* into) {
    alignas(64) int8_t values[kWeights];
    expandMxfp4(from, values);
    const F scale = Simd::set(mxfp4Scale(from));
    for (size_t v = 0; v < kVectors; v++) {
      into[v] = Simd::multiply(scale, Simd::loadSignedBytes(reinterpret_cast<const uint8_t*>(values) + kLanes * v));
    }
  }
};

/** Blocks of block_formats.h: quants spread out to bytes first, then weighed run by run. */
template <class Block>
struct SpreadBlocks {
  static constexpr size_t kWeights = Block::kWeights, kVectors = kWeights / kLanes, kBytes = Block::kBytes;
  static void decodeFirst(const uint8_t*, size_t, F* into) { into[0] = Simd::zero(); }
  static void decode(const uint8_t* from, F* into) {
    alignas(64) int8_t quants[kWeights];
    float scales[kWeights / Block::kRun], minima[kWeights / Block::kRun];
    Block::expand(from, quants, scales, minima);
    for (size_t v = 0; v < kVectors; v++) {
      const size_t run = v * kLanes / Block::kRun;
      const F q = Simd::loadSignedBytes(reinterpret_cast<const uint8_t*>(quants) + v * kLanes);
      into[v] = Simd::multiply(Simd::set(scales[run]), q);
      if constexpr (Block::kHasMinima) into[v] = Simd::subtract(into[v], Simd::set(minima[run]));
    }
  }
};

/** Calls use(Decode{}) for the format. */
template <class Use>
auto withDecoder(Format format, const Use& use) {
  switch (format) {
    case Format::F32: return use(DecodeF32{});
    case Format::F16: return use(DecodeF16{});
    case Format::BF16: return use(DecodeBF16{});
    case Format::I16: return use(DecodeI16{});
    case Format::Q4_0: return use(DecodeQ4_0{});
    case Format::Q4_1: return use(DecodeQ4_1{});
    case Format::Q8_0: return use(DecodeQ8_0{});
    case Format::Mxfp4: return use(DecodeMxfp4{});
    default: return withBlock(format, [&](auto block) { return use(SpreadBlocks<decltype(block)>{}); });
  }
}

/** Decodes columns [begin, end) of a row, zero-padded to whole registers; begin falls on a decode step. */
template <class Decode, class Store>
void decodeColumns(const uint8_t* row, size_t begin, size_t end, const Store& store) {
  F weights[Decode::kVectors];
  size_t column = begin;
  const uint8_t* from = row + begin / Decode::kWeights * Decode::kBytes;
  for (; column + Decode::kWeights <= end; column += Decode::kWeights, from += Decode::kBytes) {
    Decode::decode(from, weights);
    for (size_t v = 0; v < Decode::kVectors; v++) store(column - begin + v * kLanes, weights[v]);
  }
  if (column < end) {
    Decode::decodeFirst(from, end - column, weights);
    store(column - begin, weights[0]);
  }
}

template <class Decode>
void decodeRowOf(const uint8_t* row, size_t columns, float* into) {
  decodeColumns<Decode>(row, 0, columns, [&](size_t at, F value) {
    if (columns - at >= kLanes) {
      Simd::store(into + at, value);
    } else {
      Simd::storeFirst(into + at, value, columns - at);
    }
  });
}

void decodeRow(Format format, const uint8_t* row, size_t columns, float* into) {
  withDecoder(format, [&](auto decoder) { decodeRowOf<decltype(decoder)>(row, columns, into); });
}

}  // namespace
}  // namespace flashrow
