#pragma once

// Products of rows with tokens, by format: those of floats with a few tokens have tiles of their own. Part of shared.h.

#include <type_traits>
#include <utility>

#include "kernels/dots.h"

namespace flashrow {
namespace {

/** Rows of a tile, and those of the next one, which are fetched meanwhile. */
struct FloatRows {
  const float* row[Simd::kRowTile];
  const float* next[Simd::kRowTile];
};

/**
 * `rows` rows times `tokens` tokens. Floats need no decoding, and the tokens of one tile use each of them once, so that
 * a panel would cost more than it brings: weights are read where they lie, and the sums stay in registers from the
 * first column to the last.
 */
template <size_t rows, size_t tokens>
void floatTile(const FloatRows& from, const float* x, size_t xStride, size_t columns, const Products& out, size_t row) {
  F tile[rows][tokens];
  // GCC keeps a tile of more than 16 in memory unless these loops are unrolled early.
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) tile[r][t] = Simd::zero();
  }
  size_t column = 0;
  for (; column + kLanes <= columns; column += kLanes) {
    F weights[rows];
    for (size_t r = 0; r < rows; r++) {
      weights[r] = Simd::load(from.row[r] + column);
      __builtin_prefetch(from.next[r] + column, 0, 2);
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
        tile[r][t] = Simd::fma(Simd::loadFirst(from.row[r] + column, columns - column), input, tile[r][t]);
      }
    }
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) put(out, row + r, t, tile[r][t]);
  }
}

using FloatTile = void (*)(const FloatRows&, const float*, size_t, size_t, const Products&, size_t);

template <class>
struct FloatTiles;
template <size_t... i>
struct FloatTiles<std::index_sequence<i...>> {
  static constexpr FloatTile kOf[] = {floatTile<i / Simd::kTokenTile + 1, i % Simd::kTokenTile + 1>...};
};

/** No more tokens than a tile has. */
inline void dotsOfFloats(const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
                         const Products& out) {
  using Tiles = FloatTiles<std::make_index_sequence<Simd::kRowTile * Simd::kTokenTile>>;
  for (size_t row = 0; row < count; row += Simd::kRowTile) {
    const size_t tileRows = least(Simd::kRowTile, count - row);
    FloatRows from;
    for (size_t r = 0; r < tileRows; r++) {
      const size_t next = row + Simd::kRowTile + r;
      from.row[r] = reinterpret_cast<const float*>(rows.at(row + r));
      from.next[r] = next < count ? reinterpret_cast<const float*>(rows.at(next)) : from.row[r];
    }
    Tiles::kOf[(tileRows - 1) * Simd::kTokenTile + tokens - 1](from, x, xStride, columns, out, row);
  }
}

void dots(Format format, const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
          const Products& out, void* scratch) {
  withDecoder(format, [&](auto decoder) {
    using Decode = decltype(decoder);
    if (tokens == 1) {
      dotsOneToken<Decode>(rows, count, columns, x, out);
    } else if (std::is_same_v<Decode, DecodeF32> && tokens <= Simd::kTokenTile) {
      dotsOfFloats(rows, count, columns, x, xStride, tokens, out);
    } else {
      dotsManyTokens<Decode>(rows, count, columns, x, xStride, tokens, out, *static_cast<DotScratch*>(scratch));
    }
  });
}

}  // namespace
}  // namespace flashrow
