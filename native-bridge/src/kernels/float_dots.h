#pragma once

// Products of rows with tokens, by format: floats with a few tokens need no panel. Part of shared.h.

#include <type_traits>

#include "kernels/dots.h"

namespace flashrow {
namespace {

/** Columns of a tile's rows that stay in L1 while all tokens pass. */
constexpr size_t kFloatColumns = 512;

/**
 * Up to kFewTokens tokens. Floats need no decoding, and a few tokens are soon done with them, so that a panel would
 * cost more than it brings: weights are read where they lie. The first tile of tokens fetches the rows that follow.
 */
inline void dotsOfFloats(const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
                         const Products& out, DotScratch& scratch) {
  for (size_t row = 0; row < count; row += Simd::kRowTile) {
    const size_t tileRows = least(Simd::kRowTile, count - row);
    std::memset(scratch.sums, 0, tileRows * tokens * kLanes * sizeof(float));
    for (size_t column = 0; column < columns; column += kFloatColumns) {
      const float* weights[Simd::kRowTile];
      const float* fetched[Simd::kRowTile];
      for (size_t r = 0; r < tileRows; r++) {
        const size_t next = row + Simd::kRowTile + r;
        weights[r] = reinterpret_cast<const float*>(rows.at(row + r)) + column;
        fetched[r] = next < count ? reinterpret_cast<const float*>(rows.at(next)) + column : weights[r];
      }
      const size_t blockColumns = least(kFloatColumns, columns - column);
      eachTile(tileRows, tokens, scratch.sums, [&](size_t, size_t t, size_t, size_t tileTokens, float* sums) {
        const auto tile = t == 0 ? dotTileFor<true>(tileRows, tileTokens) : dotTileFor<false>(tileRows, tileTokens);
        tile({weights, fetched}, x + t * xStride + column, xStride, blockColumns, sums);
      });
    }
    eachTile(tileRows, tokens, scratch.sums, [&](size_t, size_t t, size_t, size_t tileTokens, const float* sums) {
      putTile(out, row, t, tileRows, tileTokens, sums);
    });
  }
}

void dots(Format format, const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
          const Products& out, void* scratch) {
  withDecoder(format, [&](auto decoder) {
    using Decode = decltype(decoder);
    if (tokens == 1) {
      dotsOneToken<Decode>(rows, count, columns, x, out);
    } else if (std::is_same_v<Decode, DecodeF32> && tokens <= kFewTokens) {
      dotsOfFloats(rows, count, columns, x, xStride, tokens, out, *static_cast<DotScratch*>(scratch));
    } else {
      dotsManyTokens<Decode>(rows, count, columns, x, xStride, tokens, out, *static_cast<DotScratch*>(scratch));
    }
  });
}

}  // namespace
}  // namespace flashrow
