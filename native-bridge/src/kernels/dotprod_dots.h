#pragma once

// Products of rows with tokens. Part of dotprod.cc.

#include "kernels/dotprod_inputs.h"
#include "kernels/dotprod_weights.h"

namespace flashrow {
namespace {

/**
 * A product is four sums, one for each lane of a register. Lane k has columns 4k to 4k + 3 and 16 + 4k to 19 + 4k of
 * every block: their sum in integers is exact, becomes a float and is multiplied with (weights' scale * inputs' scale).
 * A minimum times the inputs' total goes to lane 0. Where 16 columns have a scale of their own, they are summed apart,
 * the first 16 first; their minima go to lanes 0 and 1 then.
 */
template <Also also>
inline float32x4_t addBlock(float32x4_t sum, const WeightBlock& weights, const InputBlock& x) {
  const int8x16_t high[2] = {vld1q_s8(x.high), vld1q_s8(x.high + 16)};
  const int8x16_t low[2] = {vld1q_s8(x.low), vld1q_s8(x.low + 16)};
  const int32x4_t zero = vdupq_n_s32(0);
  const auto weigh = [&](float32x4_t onto, int32x4_t highs, int32x4_t lows, float scale) {
    return vfmaq_n_f32(onto, vcvtq_f32_s32(vaddq_s32(vshlq_n_s32(highs, 8), lows)), scale * x.scale);
  };
  const int32x4_t highs = vdotq_s32(zero, weights.first, high[0]), lows = vdotq_s32(zero, weights.first, low[0]);
  if constexpr (hasTwoScales(also)) {
    sum = weigh(sum, highs, lows, weights.scale);
    sum = weigh(sum, vdotq_s32(zero, weights.second, high[1]), vdotq_s32(zero, weights.second, low[1]), weights.also);
    if constexpr (also == Also::Scale) return sum;
    const float32x2_t none = vdup_n_f32(0);
    return vfmaq_f32(sum, vcombine_f32(vld1_f32(weights.minima), none), vcombine_f32(vld1_f32(x.halfTotals), none));
  }
  sum = weigh(sum, vdotq_s32(highs, weights.second, high[1]), vdotq_s32(lows, weights.second, low[1]), weights.scale);
  if (also == Also::Minimum) sum = vfmaq_n_f32(sum, vsetq_lane_f32(weights.also, vdupq_n_f32(0), 0), x.total);
  return sum;
}

/** `count` (a constant) rows against one token. */
template <class Weights, size_t count>
void oneTokenRows(const Rows& rows, size_t first, size_t columns, const InputBlock* x, const Products& out) {
  float32x4_t sums[count];
  for (size_t r = 0; r < count; r++) sums[r] = vdupq_n_f32(0);
  const size_t steps = columns / kBlock / Weights::kStepBlocks;
  for (size_t step = 0; step < steps; step++, x += Weights::kStepBlocks) {
    for (size_t r = 0; r < count; r++) {
      Weights::eachBlock(rows.at(first + r) + step * Weights::kBytes, [&](size_t b, const WeightBlock& weights) {
        sums[r] = addBlock<Weights::kAlso>(sums[r], weights, x[b]);
      });
    }
  }
  for (size_t r = 0; r < count; r++) put(out, first + r, 0, vaddvq_f32(sums[r]));
}

template <class Weights>
void oneToken(const Rows& rows, size_t count, size_t columns, const InputBlock* x, const Products& out) {
  size_t row = 0;
  for (; row + 4 <= count; row += 4) oneTokenRows<Weights, 4>(rows, row, columns, x, out);
  for (; row < count; row++) oneTokenRows<Weights, 1>(rows, row, columns, x, out);
}

/** A panel of unpacked rows, 48 KiB, which many tokens pass. */
constexpr size_t kPanelRows = 32, kPanelBlocks = 32, kPanelTokens = 64;
constexpr size_t kTileRows = 4, kTileTokens = 2;

struct DotprodScratch {
  WeightBlock panel[kPanelRows][kPanelBlocks];
  float32x4_t sums[kPanelRows][kPanelTokens];
};
static_assert(sizeof(DotprodScratch) <= kKernelScratchBytes, "kKernelScratchBytes holds the panel and its sums");

/** Adds a panel's blocks of `rows` rows and `tokens` tokens (both constants), from row `r` and token `t` on. */
template <Also also, size_t rows, size_t tokens>
void addTile(DotprodScratch& scratch, size_t r, size_t t, size_t blocks, const InputBlock* x, size_t xStride) {
  float32x4_t sums[rows][tokens];
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < tokens; k++) sums[i][k] = scratch.sums[r + i][t + k];
  }
  for (size_t b = 0; b < blocks; b++) {
    for (size_t i = 0; i < rows; i++) {
      for (size_t k = 0; k < tokens; k++) {
        sums[i][k] = addBlock<also>(sums[i][k], scratch.panel[r + i][b], x[k * xStride + b]);
      }
    }
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < tokens; k++) scratch.sums[r + i][t + k] = sums[i][k];
  }
}

constexpr size_t least(size_t a, size_t b) { return a < b ? a : b; }

template <class Weights>
void manyTokens(const Rows& rows, size_t count, size_t columns, const InputBlock* inputs, size_t tokens,
                const Products& out, DotprodScratch& scratch) {
  const size_t totalBlocks = columns / kBlock;
  for (size_t row = 0; row < count; row += kPanelRows) {
    const size_t panelRows = least(kPanelRows, count - row);
    for (size_t token = 0; token < tokens; token += kPanelTokens) {
      const size_t panelTokens = least(kPanelTokens, tokens - token);
      for (size_t r = 0; r < panelRows; r++) {
        for (size_t t = 0; t < panelTokens; t++) scratch.sums[r][t] = vdupq_n_f32(0);
      }
      for (size_t block = 0; block < totalBlocks; block += kPanelBlocks) {
        const size_t blocks = least(kPanelBlocks, totalBlocks - block);
        for (size_t r = 0; r < panelRows; r++) {
          const uint8_t* from = rows.at(row + r) + block / Weights::kStepBlocks * Weights::kBytes;
          for (size_t b = 0; b < blocks; b += Weights::kStepBlocks, from += Weights::kBytes) {
            Weights::eachBlock(from, [&](size_t i, const WeightBlock& weights) { scratch.panel[r][b + i] = weights; });
          }
        }
        const InputBlock* const x = inputs + token * totalBlocks + block;
        for (size_t r = 0; r < panelRows; r += kTileRows) {
          for (size_t t = 0; t < panelTokens; t += kTileTokens) {
            if (r + kTileRows <= panelRows && t + kTileTokens <= panelTokens) {
              addTile<Weights::kAlso, kTileRows, kTileTokens>(scratch, r, t, blocks, x + t * totalBlocks, totalBlocks);
              continue;
            }
            for (size_t i = r; i < least(r + kTileRows, panelRows); i++) {
              for (size_t k = t; k < least(t + kTileTokens, panelTokens); k++) {
                addTile<Weights::kAlso, 1, 1>(scratch, i, k, blocks, x + k * totalBlocks, totalBlocks);
              }
            }
          }
        }
      }
      for (size_t r = 0; r < panelRows; r++) {
        for (size_t t = 0; t < panelTokens; t++) put(out, row + r, token + t, vaddvq_f32(scratch.sums[r][t]));
      }
    }
  }
}

}  // namespace
}  // namespace flashrow
