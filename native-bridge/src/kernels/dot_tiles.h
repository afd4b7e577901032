#pragma once

// Products of a tile of rows with a tile of tokens, their sums in registers. Part of shared.h.

#include <utility>

#include "kernels/decode.h"

namespace flashrow {
namespace {

inline void put(const Products& out, size_t row, size_t token, F accumulator) {
  float* into = out.base + token * out.stride + (out.index != nullptr ? out.index[row] : row);
  const float product = Simd::sum(accumulator);
  *into = out.add ? *into + product : product;
}

/** Rows of floats, and those whose same columns are fetched meanwhile: null where nothing is. */
struct TileRows {
  const float* const* weights;
  const float* const* fetched;
};

/** A tile's share of one column block: sums[rows][tokens] += weights . x. */
template <size_t rows, size_t tokens, bool fetches>
void dotTile(const TileRows& from, const float* x, size_t xStride, size_t columns, float* sums) {
  const float* row[rows];
  for (size_t r = 0; r < rows; r++) row[r] = from.weights[r];
  F tile[rows][tokens];
  // GCC keeps a tile of more than 16 in memory unless these three loops are unrolled early.
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) tile[r][t] = Simd::load(sums + (r * tokens + t) * kLanes);
  }
  size_t column = 0;
  for (; column + kLanes <= columns; column += kLanes) {
    // One side is held and the other passes through one register: 3 + 1 + 12 sums fill the 16 of AVX2, 6 + 1 + 24 the
    // 32 of AVX-512.
    F weights[rows];
    for (size_t r = 0; r < rows; r++) {
      weights[r] = Simd::load(row[r] + column);
      if constexpr (fetches) __builtin_prefetch(from.fetched[r] + column, 0, 2);
    }
    for (size_t t = 0; t < tokens; t++) {
      const F input = Simd::load(x + t * xStride + column);
      for (size_t r = 0; r < rows; r++) tile[r][t] = Simd::fma(weights[r], input, tile[r][t]);
    }
  }
  if (column < columns) {
#pragma GCC unroll 8
    for (size_t t = 0; t < tokens; t++) {
      const F input = Simd::loadFirst(x + t * xStride + column, columns - column);
      for (size_t r = 0; r < rows; r++) {
        tile[r][t] = Simd::fma(Simd::loadFirst(row[r] + column, columns - column), input, tile[r][t]);
      }
    }
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) Simd::store(sums + (r * tokens + t) * kLanes, tile[r][t]);
  }
}

using DotTile = void (*)(const TileRows&, const float*, size_t, size_t, float*);

template <bool fetches, class>
struct DotTiles;
template <bool fetches, size_t... i>
struct DotTiles<fetches, std::index_sequence<i...>> {
  static constexpr DotTile kOf[] = {dotTile<i / Simd::kTokenTile + 1, i % Simd::kTokenTile + 1, fetches>...};
};

/** The tile for a number of rows and tokens, up to the full one. */
template <bool fetches>
DotTile dotTileFor(size_t rows, size_t tokens) {
  using Tiles = DotTiles<fetches, std::make_index_sequence<Simd::kRowTile * Simd::kTokenTile>>;
  return Tiles::kOf[(rows - 1) * Simd::kTokenTile + tokens - 1];
}

/** Visits a block's tiles in the order in which their sums lie in scratch. */
template <class Visit>
void eachTile(size_t rows, size_t tokens, float* sums, const Visit& visit) {
  for (size_t t = 0; t < tokens; t += Simd::kTokenTile) {
    const size_t tileTokens = least(Simd::kTokenTile, tokens - t);
    for (size_t r = 0; r < rows; r += Simd::kRowTile) {
      const size_t tileRows = least(Simd::kRowTile, rows - r);
      visit(r, t, tileRows, tileTokens, sums);
      sums += tileRows * tileTokens * kLanes;
    }
  }
}

/** Writes a tile's sums, those of each row side by side. */
inline void putTile(const Products& out, size_t row, size_t token, size_t rows, size_t tokens, const float* sums) {
  for (size_t i = 0; i < rows * tokens; i++) {
    put(out, row + i / tokens, token + i % tokens, Simd::load(sums + i * kLanes));
  }
}

}  // namespace
}  // namespace flashrow
