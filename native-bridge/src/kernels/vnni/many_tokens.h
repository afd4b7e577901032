#pragma once

// Products of rows with many tokens. Part of vnni.cc.

#include <cstring>
#include <utility>

#include "kernels/vnni/inputs.h"
#include "kernels/vnni/grid_blocks.h"

namespace flashrow {
namespace {

/** Registers of 16 rows in a tile, and its tokens. GCC 12 keeps more than these 16 sums in memory. */
constexpr size_t kTileVectors = 4, kTileTokens = 4;
/** A panel of unpacked rows stays in L2, the sums of a tile and its tokens' blocks in L1. */
constexpr size_t kVnniPanelBlocks = 32, kVnniPanelTokens = 96;

struct VnniScratch {
  /** [block][vector] */
  PanelBlock panel[kVnniPanelBlocks * kTileVectors];
  /** Tile by tile; in a tile [block modulo 4][vector][token]. */
  __m512 sums[kGroupBlocks * kTileVectors * kVnniPanelTokens];
};
static_assert(sizeof(VnniScratch) <= kKernelScratchBytes, "kKernelScratchBytes holds the panel and its sums");

/**
 * A tile's share of a panel's blocks. Columns 0 to 15 of a block stand in its even steps, and 16 to 31 in the odd ones.
 * If these have a scale of their own, they follow in a second pass.
 */
template <Also also, size_t vectors, size_t tokens>
void vnniTile(const PanelBlock* panel, size_t blocks, const uint8_t* inputs, size_t inputStride, __m512* sums) {
  constexpr size_t kPasses = hasTwoScales(also) ? 2 : 1;
  for (size_t b = 0; b < blocks; b++, panel += vectors, inputs += sizeof(ManyTokensBlock)) {
#pragma GCC unroll 2
    for (size_t pass = 0; pass < kPasses; pass++) {
      __m512i products[vectors][tokens];
#pragma GCC unroll 8
      for (size_t v = 0; v < vectors; v++) {
#pragma GCC unroll 8
        for (size_t t = 0; t < tokens; t++) products[v][t] = _mm512_setzero_si512();
      }
      for (size_t step = pass; step < 16; step += kPasses) {
        __m512i weights[vectors];
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++) weights[v] = panel[v].pairs[step];
#pragma GCC unroll 8
        for (size_t t = 0; t < tokens; t++) {
          int32_t pair;
          std::memcpy(&pair, inputs + t * inputStride + 4 * step, 4);
          const __m512i input = _mm512_set1_epi32(pair);
#pragma GCC unroll 8
          for (size_t v = 0; v < vectors; v++) products[v][t] = _mm512_dpwssd_epi32(products[v][t], weights[v], input);
        }
      }
      __m512* const into = sums + b % kGroupBlocks * vectors * tokens;
#pragma GCC unroll 8
      for (size_t t = 0; t < tokens; t++) {
        float factors[4];
        std::memcpy(factors, inputs + t * inputStride + offsetof(ManyTokensBlock, scale), sizeof factors);
        const __m512 scale = _mm512_set1_ps(factors[0]);
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++) {
          __m512& sum = into[v * tokens + t];
          const __m512 weights = pass == 0 ? panel[v].scale : panel[v].also;
          sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[v][t]), _mm512_mul_ps(weights, scale), sum);
          if (also == Also::Minimum) sum = _mm512_fmadd_ps(panel[v].also, _mm512_set1_ps(factors[1]), sum);
          if (also == Also::ScaleAndMinima) {
            sum = _mm512_fmadd_ps(panel[v].minima[pass], _mm512_set1_ps(factors[2 + pass]), sum);
          }
        }
      }
    }
  }
}

using VnniTile = void (*)(const PanelBlock*, size_t, const uint8_t*, size_t, __m512*);

template <Also also, class>
struct VnniTiles;
template <Also also, size_t... i>
struct VnniTiles<also, std::index_sequence<i...>> {
  static constexpr VnniTile kOf[] = {vnniTile<also, i / kTileTokens + 1, i % kTileTokens + 1>...};
};

/** The tile for a number of vectors and tokens, up to the full one. */
template <Also also>
VnniTile vnniTileFor(size_t vectors, size_t tokens) {
  using Tiles = VnniTiles<also, std::make_index_sequence<kTileVectors * kTileTokens>>;
  return Tiles::kOf[(vectors - 1) * kTileTokens + tokens - 1];
}

/** Unpacks `blocks` blocks of up to 64 rows; past the last one it is repeated. */
template <class Weights>
void fillPanel(const Rows& rows, size_t count, size_t vectors, size_t firstBlock, size_t blocks, PanelBlock* panel) {
  for (size_t v = 0; v < vectors; v++) {
    const uint8_t* from[16];
    for (size_t r = 0; r < 16; r++) from[r] = rows.at(16 * v + r < count ? 16 * v + r : count - 1);
    for (size_t b = 0; b < blocks; b += Weights::kStepBlocks) {
      unpackStep<Weights>(from, (firstBlock + b) / Weights::kStepBlocks * Weights::kBytes, panel + b * vectors + v,
                          vectors);
    }
  }
}

template <class Weights>
void manyTokens(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
                const Products& out, VnniScratch& scratch) {
  const size_t inputStride = manyTokensStride(columns);
  const size_t totalBlocks = columns / kBlock;
  for (size_t row = 0; row < count; row += 16 * kTileVectors) {
    const size_t panelRows = count - row < 16 * kTileVectors ? count - row : 16 * kTileVectors;
    const size_t vectors = (panelRows + 15) / 16;
    for (size_t token = 0; token < tokens; token += kVnniPanelTokens) {
      const size_t panelTokens = tokens - token < kVnniPanelTokens ? tokens - token : kVnniPanelTokens;
      const auto eachTile = [&](const auto& visit) {
        for (size_t t = 0; t < panelTokens; t += kTileTokens) {
          visit(token + t, panelTokens - t < kTileTokens ? panelTokens - t : kTileTokens,
                scratch.sums + kGroupBlocks * vectors * t);
        }
      };
      std::memset(static_cast<void*>(scratch.sums), 0, kGroupBlocks * vectors * panelTokens * sizeof(__m512));
      for (size_t block = 0; block < totalBlocks; block += kVnniPanelBlocks) {
        const size_t blocks = totalBlocks - block < kVnniPanelBlocks ? totalBlocks - block : kVnniPanelBlocks;
        fillPanel<Weights>(rows.from(row), panelRows, vectors, block, blocks, scratch.panel);
        eachTile([&](size_t t, size_t tileTokens, __m512* sums) {
          vnniTileFor<Weights::kAlso>(vectors, tileTokens)(
              scratch.panel, blocks, inputs + t * inputStride + block * sizeof(ManyTokensBlock), inputStride, sums);
        });
      }
      eachTile([&](size_t t, size_t tileTokens, const __m512* sums) {
        const size_t plane = vectors * tileTokens;
        for (size_t i = 0; i < plane; i++) {
          const __m512 products = _mm512_add_ps(_mm512_add_ps(sums[i], sums[plane + i]),
                                                _mm512_add_ps(sums[2 * plane + i], sums[3 * plane + i]));
          const size_t first = i / tileTokens * 16;
          putSixteen(products, row + first, panelRows - first, t + i % tileTokens, out);
        }
      });
    }
  }
}

}  // namespace
}  // namespace flashrow
