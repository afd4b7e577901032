#pragma once

// Sums of scaled rows. Part of shared.h.

#include <utility>

#include "kernels/decode.h"

namespace flashrow {
namespace {

/** Columns at `at` of y += the sum of `count` rows there: `steps` decode steps, whose sums stay in registers. */
template <class Decode, size_t count, size_t steps>
inline void addRowsAt(size_t at, const uint8_t* const* rows, const F* scale, const uint8_t* const* ahead, float* y) {
  F weights[Decode::kVectors];
  F sums[steps * Decode::kVectors];
  for (size_t v = 0; v < steps * Decode::kVectors; v++) sums[v] = Simd::load(y + at + v * kLanes);
  for (size_t r = 0; r < count; r++) {
    for (size_t s = 0; s < steps; s++) {
      const size_t from = (at / Decode::kWeights + s) * Decode::kBytes;
      __builtin_prefetch(ahead[r] + from, 0, 2);
      Decode::decode(rows[r] + from, weights);
      F* into = sums + s * Decode::kVectors;
      for (size_t v = 0; v < Decode::kVectors; v++) into[v] = Simd::fma(scale[r], weights[v], into[v]);
    }
  }
  for (size_t v = 0; v < steps * Decode::kVectors; v++) Simd::store(y + at + v * kLanes, sums[v]);
}

/**
 * y[begin, end) += the sum of `count` (a constant) rows, decoded in registers. The rows `ahead` are fetched meanwhile.
 */
template <class Decode, size_t count>
void addRows(const uint8_t* const* rows, const float* h, const uint8_t* const* ahead, size_t begin, size_t end,
             float* y) {
  F scale[count];
  for (size_t r = 0; r < count; r++) scale[r] = Simd::set(h[r]);
  // Four registers of y at once.
  constexpr size_t steps = 4 / Decode::kVectors;
  size_t column = begin;
  for (; column + steps * Decode::kWeights <= end; column += steps * Decode::kWeights) {
    addRowsAt<Decode, count, steps>(column, rows, scale, ahead, y);
  }
  for (; column + Decode::kWeights <= end; column += Decode::kWeights) {
    addRowsAt<Decode, count, 1>(column, rows, scale, ahead, y);
  }
  if (column < end) {
    F weights[Decode::kVectors];
    F sum = Simd::loadFirst(y + column, end - column);
    for (size_t r = 0; r < count; r++) {
      Decode::decodeFirst(rows[r] + column / Decode::kWeights * Decode::kBytes, end - column, weights);
      sum = Simd::fma(scale[r], weights[0], sum);
    }
    Simd::storeFirst(y + column, sum, end - column);
  }
}

/** Rows whose h is not zero. */
struct PickedRows {
  static constexpr size_t kMost = Simd::kSumRowsAtOnce;
  const uint8_t* rows[kMost];
  float h[kMost];
  size_t count = 0;

  /** Picks from row `next` on; returns the row to go on with. */
  size_t pick(const Rows& from, const float* scales, size_t next, size_t total) {
    count = 0;
    for (; next < total && count < kMost; next++) {
      if (scales[next] == 0) continue;
      rows[count] = from.at(next);
      h[count++] = scales[next];
    }
    return next;
  }
};

template <class Decode>
void addScaledRowsOneToken(const Rows& rows, size_t count, const float* h, size_t begin, size_t end, float* y) {
  PickedRows picked[2];
  size_t next = picked[0].pick(rows, h, 0, count);
  for (size_t i = 0; picked[i % 2].count > 0; i++) {
    const PickedRows& now = picked[i % 2];
    PickedRows& then = picked[(i + 1) % 2];
    next = then.pick(rows, h, next, count);
    if (now.count == PickedRows::kMost) {
      const auto ahead = then.count == PickedRows::kMost ? then.rows : now.rows;
      addRows<Decode, PickedRows::kMost>(now.rows, now.h, ahead, begin, end, y);
    } else {
      for (size_t r = 0; r < now.count; r++) addRows<Decode, 1>(now.rows + r, now.h + r, now.rows + r, begin, end, y);
    }
  }
}

/**
 * Blocking of the many-token sums: strips of four registers' columns, each contiguous over a block of rows (16 or 32
 * KiB).
 */
constexpr size_t kSumRows = 128;
constexpr size_t kStripVectors = 4;
constexpr size_t kStripColumns = kStripVectors * kLanes;
constexpr size_t kStrips = 256 / kStripColumns;
constexpr size_t kSumTokensAtOnce = 510;
constexpr size_t kSumGroups = (kSumTokensAtOnce + Simd::kSumTokens - 1) / Simd::kSumTokens;

struct SumScratch {
  alignas(64) float strips[kStrips][kSumRows][kStripColumns];
  /** Per group of tokens: the rows that at least one of them needs. */
  uint8_t needed[kSumGroups][kSumRows];
  uint8_t numNeeded[kSumGroups];
};
static_assert(sizeof(SumScratch) <= kKernelScratchBytes, "kKernelScratchBytes holds the strips and lists");

template <size_t tokens>
void sumTile(const float (*strip)[kStripColumns], const uint8_t* needed, size_t count, const float* h, size_t hStride,
             size_t columns, float* y, size_t yStride) {
  F sums[tokens][kStripVectors];
  const auto lanesAt = [&](size_t v) { return columns <= v * kLanes ? 0 : least(kLanes, columns - v * kLanes); };
  const bool whole = columns == kStripColumns;
  for (size_t t = 0; t < tokens; t++) {
    for (size_t v = 0; v < kStripVectors; v++) {
      const float* from = y + t * yStride + v * kLanes;
      sums[t][v] = whole ? Simd::load(from) : lanesAt(v) > 0 ? Simd::loadFirst(from, lanesAt(v)) : Simd::zero();
    }
  }
  for (size_t i = 0; i < count; i++) {
    const size_t j = needed[i];
    F scales[tokens];
    for (size_t t = 0; t < tokens; t++) scales[t] = Simd::set(h[t * hStride + j]);
    for (size_t v = 0; v < kStripVectors; v++) {
      const F weights = Simd::load(strip[j] + v * kLanes);
      for (size_t t = 0; t < tokens; t++) sums[t][v] = Simd::fma(scales[t], weights, sums[t][v]);
    }
  }
  for (size_t t = 0; t < tokens; t++) {
    for (size_t v = 0; v < kStripVectors; v++) {
      float* into = y + t * yStride + v * kLanes;
      if (whole) {
        Simd::store(into, sums[t][v]);
      } else if (lanesAt(v) > 0) {
        Simd::storeFirst(into, sums[t][v], lanesAt(v));
      }
    }
  }
}

using SumTile = decltype(&sumTile<1>);

template <class>
struct SumTiles;
template <size_t... i>
struct SumTiles<std::index_sequence<i...>> {
  static constexpr SumTile kOf[] = {sumTile<i + 1>...};
};

/** The tile for a number of tokens, up to kSumTokens. */
inline SumTile sumTileFor(size_t tokens) {
  return SumTiles<std::make_index_sequence<Simd::kSumTokens>>::kOf[tokens - 1];
}

/** Fills the lists of needed rows; returns whether any row is needed. */
inline bool listNeeded(const float* h, size_t hStride, size_t rows, size_t tokens, SumScratch& scratch) {
  bool any = false;
  for (size_t t = 0, group = 0; t < tokens; t += Simd::kSumTokens, group++) {
    const size_t groupTokens = least(Simd::kSumTokens, tokens - t);
    uint8_t count = 0;
    for (size_t j = 0; j < rows; j++) {
      bool needed = false;
      for (size_t k = 0; k < groupTokens; k++) needed |= !(h[(t + k) * hStride + j] == 0);
      if (needed) scratch.needed[group][count++] = static_cast<uint8_t>(j);
    }
    scratch.numNeeded[group] = count;
    any |= count > 0;
  }
  return any;
}

template <class Decode>
void addScaledRowsManyTokens(const Rows& rows, size_t count, const float* h, size_t hStride, size_t begin, size_t end,
                             float* y, size_t yStride, size_t tokens, SumScratch& scratch) {
  for (size_t row = 0; row < count; row += kSumRows) {
    const size_t blockRows = least(kSumRows, count - row);
    const float* scales = h + row;
    if (!listNeeded(scales, hStride, blockRows, tokens, scratch)) continue;
    for (size_t column = begin; column < end; column += kStrips * kStripColumns) {
      const size_t blockColumns = least(kStrips * kStripColumns, end - column);
      for (size_t j = 0; j < blockRows; j++) {
        decodeColumns<Decode>(rows.at(row + j), column, column + blockColumns, [&](size_t at, F value) {
          Simd::store(scratch.strips[at / kStripColumns][j] + at % kStripColumns, value);
        });
      }
      for (size_t s = 0; s * kStripColumns < blockColumns; s++) {
        const size_t columns = least(kStripColumns, blockColumns - s * kStripColumns);
        for (size_t t = 0, group = 0; t < tokens; t += Simd::kSumTokens, group++) {
          const size_t groupTokens = least(Simd::kSumTokens, tokens - t);
          sumTileFor(groupTokens)(scratch.strips[s], scratch.needed[group], scratch.numNeeded[group],
                                  scales + t * hStride, hStride, columns, y + t * yStride + column + s * kStripColumns,
                                  yStride);
        }
      }
    }
  }
}

void addScaledRows(Format format, const Rows& rows, size_t count, const float* h, size_t hStride, size_t begin,
                   size_t end, float* y, size_t yStride, size_t tokens, void* scratch) {
  withDecoder(format, [&](auto decoder) {
    using Decode = decltype(decoder);
    // Layers refuse such rows: a share of columns may end inside a block.
    if constexpr (Decode::kWeights > 32) {
      return;
    } else if (tokens == 1) {
      addScaledRowsOneToken<Decode>(rows, count, h, begin, end, y);
    } else {
      for (size_t t = 0; t < tokens; t += kSumTokensAtOnce) {
        addScaledRowsManyTokens<Decode>(rows, count, h + t * hStride, hStride, begin, end, y + t * yStride, yStride,
                                        least(kSumTokensAtOnce, tokens - t), *static_cast<SumScratch*>(scratch));
      }
    }
  });
}

}  // namespace
}  // namespace flashrow
