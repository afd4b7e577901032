#pragma once

// Products of rows with tokens. Part of shared.h.

#include <cstring>
#include <type_traits>

#include "kernels/dot_tiles.h"

namespace flashrow {
namespace {

/** A decode step of each of `count` rows, `offset` bytes into them: sums[count] += weights . x. */
template <class Decode, size_t count>
inline void addStep(const uint8_t* const* rows, size_t offset, const float* x, F* sums) {
  if constexpr (Spreads<Decode>::value) {
    typename Decode::Spread blocks[count];
    for (size_t r = 0; r < count; r++) blocks[r].expand(rows[r] + offset);
    for (size_t v = 0; v < Decode::kVectors; v++) {
      const F input = Simd::load(x + v * kLanes);
      for (size_t r = 0; r < count; r++) sums[r] = Simd::fma(blocks[r].vector(v), input, sums[r]);
    }
  } else {
    F weights[Decode::kVectors];
    for (size_t r = 0; r < count; r++) {
      Decode::decode(rows[r] + offset, weights);
      for (size_t v = 0; v < Decode::kVectors; v++) {
        sums[r] = Simd::fma(weights[v], Simd::load(x + v * kLanes), sums[r]);
      }
    }
  }
}

/**
 * Multiplies `count` (a constant) rows with one token, decoded in registers; rows side by side hide the multiply-add's
 * latency. The rows that follow, out of `total`, are fetched meanwhile: rows are short and may lie anywhere, so that
 * the processor cannot foresee them.
 */
template <class Decode, size_t count>
void dotRows(const Rows& rows, size_t first, size_t total, size_t columns, const float* x, const Products& out) {
  const uint8_t* from[count];
  const uint8_t* ahead[count];
  F sums[count];
  for (size_t r = 0; r < count; r++) {
    from[r] = rows.at(first + r);
    ahead[r] = first + count + r < total ? rows.at(first + count + r) : from[r];
    sums[r] = Simd::zero();
  }
  const size_t whole = columns / Decode::kWeights;
  for (size_t step = 0; step < whole; step++, x += Decode::kWeights) {
    for (size_t r = 0; r < count; r++) {
      for (size_t line = 0; line < Decode::kBytes; line += 64) {
        __builtin_prefetch(ahead[r] + step * Decode::kBytes + line, 0, 2);
      }
    }
    addStep<Decode, count>(from, step * Decode::kBytes, x, sums);
  }
  F weights[Decode::kVectors];
  const size_t rest = columns - whole * Decode::kWeights;
  for (size_t r = 0; r < count; r++) {
    if (rest > 0) {
      Decode::decodeFirst(from[r] + whole * Decode::kBytes, rest, weights);
      sums[r] = Simd::fma(weights[0], Simd::loadFirst(x, rest), sums[r]);
    }
    put(out, first + r, 0, sums[r]);
  }
}

template <class Decode>
void dotsOneToken(const Rows& rows, size_t count, size_t columns, const float* x, const Products& out) {
  size_t row = 0;
  for (; row + 4 <= count; row += 4) dotRows<Decode, 4>(rows, row, count, columns, x, out);
  for (; row < count; row++) dotRows<Decode, 1>(rows, row, count, columns, x, out);
}

/**
 * Blocking of the many-token products: a panel of decoded rows, or of floats where they lie, stays in L2, a tile of it
 * and its tokens' columns in L1 or near.
 */
constexpr size_t kPanelRows = 384 / kLanes;
constexpr size_t kPanelTokens = 128;
constexpr size_t kPanelColumns = 64 * kLanes;
/** Past a power of two, so that the rows of a tile fall into different L1 sets. */
constexpr size_t kPanelStride = kPanelColumns + 16;

struct DotScratch {
  alignas(64) float panel[kPanelRows * kPanelStride];
  alignas(64) float sums[kPanelRows * kPanelTokens * kLanes];
};
static_assert(sizeof(DotScratch) <= kKernelScratchBytes, "kKernelScratchBytes holds the panel and its sums");

/**
 * A few tokens are done with each weight long before it would have to leave L1: their panel is so small that it stays
 * there, and is 256 columns wide, the longest block.
 */
constexpr size_t kFewTokens = 16;
constexpr size_t kFewTokensPanelRows = 2 * Simd::kRowTile, kFewTokensPanelColumns = 256;

/** Fetches the bytes of columns [begin, end) of a row. */
template <class Decode>
inline void fetchColumns(const uint8_t* row, size_t begin, size_t end) {
  const uint8_t* const last = row + (end + Decode::kWeights - 1) / Decode::kWeights * Decode::kBytes;
  for (row += begin / Decode::kWeights * Decode::kBytes; row < last; row += 64) __builtin_prefetch(row, 0, 2);
}

template <class Decode>
void dotsManyTokens(const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
                    const Products& out, DotScratch& scratch) {
  const bool few = tokens <= kFewTokens;
  const size_t panelRows = few ? kFewTokensPanelRows : kPanelRows;
  const size_t panelColumns = few ? kFewTokensPanelColumns : kPanelColumns;
  for (size_t row = 0; row < count; row += panelRows) {
    const size_t blockRows = least(panelRows, count - row);
    for (size_t token = 0; token < tokens; token += kPanelTokens) {
      const size_t blockTokens = least(kPanelTokens, tokens - token);
      std::memset(scratch.sums, 0, blockRows * blockTokens * kLanes * sizeof(float));
      for (size_t column = 0; column < columns; column += panelColumns) {
        const size_t blockColumns = least(panelColumns, columns - column);
        const float* weights[kPanelRows];
        for (size_t r = 0; r < blockRows; r++) {
          // Floats lie in their file as a panel would have them.
          if constexpr (std::is_same_v<Decode, DecodeF32>) {
            weights[r] = reinterpret_cast<const float*>(rows.at(row + r)) + column;
            continue;
          }
          float* into = scratch.panel + r * kPanelStride;
          if (few && row + panelRows + r < count) {
            fetchColumns<Decode>(rows.at(row + panelRows + r), column, column + blockColumns);
          }
          decodeColumns<Decode>(rows.at(row + r), column, column + blockColumns,
                                [&](size_t at, F value) { Simd::store(into + at, value); });
          weights[r] = into;
        }
        const float* inputs = x + token * xStride + column;
        eachTile(blockRows, blockTokens, scratch.sums,
                 [&](size_t r, size_t t, size_t tileRows, size_t tileTokens, float* sums) {
                   dotTileFor<false>(tileRows, tileTokens)({weights + r, nullptr}, inputs + t * xStride, xStride,
                                                           blockColumns, sums);
                 });
      }
      eachTile(blockRows, blockTokens, scratch.sums,
               [&](size_t r, size_t t, size_t tileRows, size_t tileTokens, const float* sums) {
                 putTile(out, row + r, token + t, tileRows, tileTokens, sums);
               });
    }
  }
}

}  // namespace
}  // namespace flashrow
