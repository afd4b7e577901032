#pragma once

// Products of rows with a few tokens. Part of vnni.cc.

#include <type_traits>

#include "kernels/vnni/rows_in_lanes.h"

namespace flashrow {
namespace {

/** Rows that the tokens of a step pass while they stay in L1. */
constexpr size_t kFewTokensRows = 16;

/**
 * Up to 16 rows, four at a time, as one token does them: what is taken apart passes all tokens in registers. The rows
 * that follow are fetched meanwhile.
 */
template <class Weights>
void fewTokensRows(const Rows& rows, size_t first, size_t total, size_t columns, const FewTokensGroup* x, size_t tokens,
                   const Products& out) {
  const size_t tileRows = total - first < kFewTokensRows ? total - first : kFewTokensRows;
  const size_t stride = groupsOf(columns);
  const uint8_t* from[kFewTokensRows];
  const uint8_t* ahead[kFewTokensRows];
  __m512 sums[kFewTokensRows / 4][kFewTokens];
  // Calls may be short: a slice of a few rows. What they begin with counts.
  const bool more = first + kFewTokensRows < total;
  for (size_t r = 0; r < tileRows; r += 4) {
    for (size_t i = r; i < r + 4; i++) {
      // Past the last row the last one is computed again.
      from[i] = rows.at(first + i < total ? first + i : total - 1);
      if (more) ahead[i] = rows.at(first + kFewTokensRows + i < total ? first + kFewTokensRows + i : total - 1);
    }
    for (size_t t = 0; t < tokens; t++) sums[r / 4][t] = _mm512_setzero_ps();
  }
  eachStep<Weights>(columns, [&](size_t step, size_t blocks) {
    const size_t at = step * kStepBytesOf<Weights>;
    const FewTokensGroup* inputs = x + step * kStepBlocksOf<Weights> / kGroupBlocks;
    for (size_t r = 0; r < tileRows; r += 4) {
      for (size_t i = r; more && i < r + 4 && blocks == kStepBlocksOf<Weights>; i++) {
        fetchLines(ahead[i] + at, kStepBytesOf<Weights>);
      }
      eachGroup<Weights>(from + r, at, blocks, [&](const FourGroups& four, size_t g) {
        for (size_t t = 0; t < tokens; t++) {
          sums[r / 4][t] = addProducts<Weights>(four, inputs[t * stride + g], sums[r / 4][t]);
        }
      });
    }
  });
  for (size_t r = 0; r < tileRows; r += 4) {
    for (size_t t = 0; t < tokens; t++) putFour(sums[r / 4][t], first + r, total, t, out);
  }
}

/** With fewer rows than this, groups of four compute no row twice, and lanes would. */
constexpr size_t kLeastLanes = 13;

template <class Weights, class = void>
constexpr bool kHasLanes = false;
template <class Weights>
constexpr bool kHasLanes<Weights, std::void_t<decltype(Weights::kLanesFrom)>> = true;

template <class Weights>
void fewTokens(const Rows& rows, size_t count, size_t columns, const FewTokensGroup* x, size_t tokens,
               const Products& out) {
  for (size_t row = 0; row < count; row += kFewTokensRows) {
    if constexpr (kHasLanes<Weights>) {
      if (tokens >= Weights::kLanesFrom && count - row >= kLeastLanes) {
        rowsInLanes<Weights>(rows, row, count, columns, x, tokens, out);
        continue;
      }
    }
    fewTokensRows<Weights>(rows, row, count, columns, x, tokens, out);
  }
}

/** Products with up to kFewTokens tokens. */
template <class Weights>
void fewDots(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
             const Products& out) {
  if (tokens == 1) {
    oneToken<Weights>(rows, count, columns, reinterpret_cast<const OneTokenGroup*>(inputs), out);
  } else {
    fewTokens<Weights>(rows, count, columns, reinterpret_cast<const FewTokensGroup*>(inputs), tokens, out);
  }
}

/**
 * The same, with all that is called inlined. GCC stops at some point of a file with so many formats, or leaves a step
 * that is called from two places: a fifth of the time of NVFP4 and of the formats of vbmi.cc. Q8_0 is slower so.
 */
template <class Weights>
[[gnu::flatten]] void fewDotsInlined(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs,
                                     size_t tokens, const Products& out) {
  fewDots<Weights>(rows, count, columns, inputs, tokens, out);
}

}  // namespace
}  // namespace flashrow
