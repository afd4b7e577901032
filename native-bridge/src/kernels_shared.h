#pragma once

/**
 * The kernels' one algorithm, over a `Simd` that the including file defines (eight float lanes). Everything here has internal
 * linkage, so that no function compiled for one instruction set can be linked in for another.
 *
 * A dot product is one 8-lane accumulator, fed in ascending column order, then added up by one fixed tree; a scaled-row sum is
 * one chain of multiply-adds in ascending row order. Tiles only decide which pairs run side by side, never a pair's own order.
 */

#include <cstring>

#include "kernels.h"

namespace flashrow {
namespace {

using F = Simd::F;
constexpr size_t kLanes = 8;

/** Each decodes `kWeights` weights (kVectors registers) from `kBytes` bytes. */
struct DecodeF32 {
  static constexpr size_t kWeights = 8, kVectors = 1, kBytes = 32;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::load(reinterpret_cast<const float*>(from)); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    into[0] = Simd::loadFirst(reinterpret_cast<const float*>(from), count);
  }
};

struct DecodeF16 {
  static constexpr size_t kWeights = 8, kVectors = 1, kBytes = 16;
  static void decode(const uint8_t* from, F* into) { into[0] = Simd::loadHalves(from); }
  static void decodeFirst(const uint8_t* from, size_t count, F* into) {
    uint8_t padded[16] = {};
    std::memcpy(padded, from, count * 2);
    into[0] = Simd::loadHalves(padded);
  }
};

struct WholeBlocks {
  static constexpr size_t kWeights = 32, kVectors = 4;
  static void decodeFirst(const uint8_t*, size_t, F* into) { into[0] = Simd::zero(); }
};

struct DecodeQ8_0 : WholeBlocks {
  static constexpr size_t kBytes = 34;
  static void decode(const uint8_t* from, F* into) {
    const F scale = Simd::loadHalf(from);
    for (size_t v = 0; v < 4; v++) into[v] = Simd::multiply(scale, Simd::loadSignedBytes(from + 2 + 8 * v));
  }
};

struct DecodeQ4_0 : WholeBlocks {
  static constexpr size_t kBytes = 18;
  static void decode(const uint8_t* from, F* into) {
    const F scale = Simd::loadHalf(from);
    Simd::loadNibbles(from + 2, 8, into[0], into[2]);
    Simd::loadNibbles(from + 10, 8, into[1], into[3]);
    for (size_t v = 0; v < 4; v++) into[v] = Simd::multiply(scale, into[v]);
  }
};

struct DecodeQ4_1 : WholeBlocks {
  static constexpr size_t kBytes = 20;
  static void decode(const uint8_t* from, F* into) {
    F scale, minimum;
    Simd::loadHalfPair(from, scale, minimum);
    Simd::loadNibbles(from + 4, 0, into[0], into[2]);
    Simd::loadNibbles(from + 12, 0, into[1], into[3]);
    for (size_t v = 0; v < 4; v++) into[v] = Simd::fma(scale, into[v], minimum);
  }
};

/** Calls use(Decode{}) for the format. */
template <class Use>
auto withDecoder(Format format, const Use& use) {
  switch (format) {
    case Format::F32: return use(DecodeF32{});
    case Format::F16: return use(DecodeF16{});
    case Format::Q4_0: return use(DecodeQ4_0{});
    case Format::Q4_1: return use(DecodeQ4_1{});
    default: return use(DecodeQ8_0{});
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

inline void put(const Products& out, size_t row, size_t token, F accumulator) {
  float* into = out.base + token * out.stride + (out.index != nullptr ? out.index[row] : row);
  const float product = Simd::sum(accumulator);
  *into = out.add ? *into + product : product;
}

/**
 * `count` (a constant) rows against one token, decoded in registers; rows side by side hide the multiply-add's latency. The rows
 * that follow, of `total`, are fetched meanwhile: rows are short and may lie anywhere, so the processor cannot foresee them.
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
  F weights[Decode::kVectors];
  const size_t whole = columns / Decode::kWeights;
  for (size_t step = 0; step < whole; step++, x += Decode::kWeights) {
    for (size_t r = 0; r < count; r++) {
      __builtin_prefetch(ahead[r] + step * Decode::kBytes, 0, 2);
      Decode::decode(from[r] + step * Decode::kBytes, weights);
      for (size_t v = 0; v < Decode::kVectors; v++) sums[r] = Simd::fma(weights[v], Simd::load(x + v * kLanes), sums[r]);
    }
  }
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

/** Blocking of the many-token products: a panel of decoded rows stays in L2, a block of four tokens' columns in L1. */
constexpr size_t kPanelRows = 48;
constexpr size_t kPanelTokens = 128;
constexpr size_t kPanelColumns = 512;
/** Past a power of two, so that the rows of a tile fall into different L1 sets. */
constexpr size_t kPanelStride = kPanelColumns + 16;

struct DotScratch {
  alignas(64) float panel[kPanelRows * kPanelStride];
  alignas(64) float sums[kPanelRows * kPanelTokens * kLanes];
};
static_assert(sizeof(DotScratch) <= kKernelScratchBytes, "kKernelScratchBytes holds the panel and its sums");

/** A tile's share of one column block: sums[rows][tokens] += panel . x. */
template <size_t rows, size_t tokens>
void dotTile(const float* panel, const float* x, size_t xStride, size_t columns, float* sums) {
  F tile[rows][tokens];
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) tile[r][t] = Simd::load(sums + (r * tokens + t) * kLanes);
  }
  size_t column = 0;
  for (; column + kLanes <= columns; column += kLanes) {
    // The narrow side is held, the wide side passes through one register: 3 + 1 + 12 sums fill the 16 of AVX2.
    F weights[rows];
    for (size_t r = 0; r < rows; r++) weights[r] = Simd::load(panel + r * kPanelStride + column);
    for (size_t t = 0; t < tokens; t++) {
      const F input = Simd::load(x + t * xStride + column);
      for (size_t r = 0; r < rows; r++) tile[r][t] = Simd::fma(weights[r], input, tile[r][t]);
    }
  }
  if (column < columns) {
    for (size_t t = 0; t < tokens; t++) {
      const F input = Simd::loadFirst(x + t * xStride + column, columns - column);
      for (size_t r = 0; r < rows; r++) {
        tile[r][t] = Simd::fma(Simd::load(panel + r * kPanelStride + column), input, tile[r][t]);
      }
    }
  }
  for (size_t r = 0; r < rows; r++) {
    for (size_t t = 0; t < tokens; t++) Simd::store(sums + (r * tokens + t) * kLanes, tile[r][t]);
  }
}

using DotTile = void (*)(const float*, const float*, size_t, size_t, float*);

template <size_t rows>
DotTile dotTileFor(size_t tokens) {
  switch (tokens) {
    case 1: return dotTile<rows, 1>;
    case 2: return dotTile<rows, 2>;
    case 3: return dotTile<rows, 3>;
    default: return dotTile<rows, Simd::kTokenTile>;
  }
}

inline DotTile dotTileFor(size_t rows, size_t tokens) {
  switch (rows) {
    case 1: return dotTileFor<1>(tokens);
    case 2: return dotTileFor<2>(tokens);
    default: return dotTileFor<Simd::kRowTile>(tokens);
  }
}

constexpr size_t least(size_t a, size_t b) { return a < b ? a : b; }

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

template <class Decode>
void dotsManyTokens(const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
                    const Products& out, DotScratch& scratch) {
  for (size_t row = 0; row < count; row += kPanelRows) {
    const size_t blockRows = least(kPanelRows, count - row);
    for (size_t token = 0; token < tokens; token += kPanelTokens) {
      const size_t blockTokens = least(kPanelTokens, tokens - token);
      std::memset(scratch.sums, 0, blockRows * blockTokens * kLanes * sizeof(float));
      for (size_t column = 0; column < columns; column += kPanelColumns) {
        const size_t blockColumns = least(kPanelColumns, columns - column);
        for (size_t r = 0; r < blockRows; r++) {
          float* into = scratch.panel + r * kPanelStride;
          decodeColumns<Decode>(rows.at(row + r), column, column + blockColumns,
                                [&](size_t at, F value) { Simd::store(into + at, value); });
        }
        const float* inputs = x + token * xStride + column;
        eachTile(blockRows, blockTokens, scratch.sums, [&](size_t r, size_t t, size_t tileRows, size_t tileTokens, float* sums) {
          dotTileFor(tileRows, tileTokens)(scratch.panel + r * kPanelStride, inputs + t * xStride, xStride, blockColumns, sums);
        });
      }
      eachTile(blockRows, blockTokens, scratch.sums, [&](size_t r, size_t t, size_t tileRows, size_t tileTokens, const float* sums) {
        for (size_t i = 0; i < tileRows * tileTokens; i++) {
          put(out, row + r + i / tileTokens, token + t + i % tileTokens, Simd::load(sums + i * kLanes));
        }
      });
    }
  }
}

void dots(Format format, const Rows& rows, size_t count, size_t columns, const float* x, size_t xStride, size_t tokens,
          const Products& out, void* scratch) {
  withDecoder(format, [&](auto decoder) {
    using Decode = decltype(decoder);
    if (tokens == 1) {
      dotsOneToken<Decode>(rows, count, columns, x, out);
    } else {
      dotsManyTokens<Decode>(rows, count, columns, x, xStride, tokens, out, *static_cast<DotScratch*>(scratch));
    }
  });
}

/** y[begin, end) += the sum of `count` (a constant) rows, decoded in registers; `ahead` are the rows to fetch meanwhile. */
template <class Decode, size_t count>
void addRows(const uint8_t* const* rows, const float* h, const uint8_t* const* ahead, size_t begin, size_t end, float* y) {
  F scale[count];
  for (size_t r = 0; r < count; r++) scale[r] = Simd::set(h[r]);
  F weights[Decode::kVectors];
  size_t column = begin;
  for (; column + Decode::kWeights <= end; column += Decode::kWeights) {
    F sums[Decode::kVectors];
    for (size_t v = 0; v < Decode::kVectors; v++) sums[v] = Simd::load(y + column + v * kLanes);
    for (size_t r = 0; r < count; r++) {
      __builtin_prefetch(ahead[r] + column / Decode::kWeights * Decode::kBytes, 0, 2);
      Decode::decode(rows[r] + column / Decode::kWeights * Decode::kBytes, weights);
      for (size_t v = 0; v < Decode::kVectors; v++) sums[v] = Simd::fma(scale[r], weights[v], sums[v]);
    }
    for (size_t v = 0; v < Decode::kVectors; v++) Simd::store(y + column + v * kLanes, sums[v]);
  }
  if (column < end) {
    F sum = Simd::loadFirst(y + column, end - column);
    for (size_t r = 0; r < count; r++) {
      Decode::decodeFirst(rows[r] + column / Decode::kWeights * Decode::kBytes, end - column, weights);
      sum = Simd::fma(scale[r], weights[0], sum);
    }
    Simd::storeFirst(y + column, sum, end - column);
  }
}

/** Up to four rows whose h is not zero. */
struct PickedRows {
  static constexpr size_t kMost = 4;
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

/** Blocking of the many-token sums: strips of 32 columns, each contiguous over a block of rows (16 KiB, half an L1). */
constexpr size_t kSumRows = 128;
constexpr size_t kStripColumns = 32;
constexpr size_t kStripVectors = kStripColumns / kLanes;
constexpr size_t kStrips = 8;
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
          const auto tile = groupTokens == 1 ? sumTile<1> : groupTokens == 2 ? sumTile<2> : sumTile<Simd::kSumTokens>;
          tile(scratch.strips[s], scratch.needed[group], scratch.numNeeded[group], scales + t * hStride, hStride, columns,
               y + t * yStride + column + s * kStripColumns, yStride);
        }
      }
    }
  }
}

void addScaledRows(Format format, const Rows& rows, size_t count, const float* h, size_t hStride, size_t begin, size_t end,
                   float* y, size_t yStride, size_t tokens, void* scratch) {
  withDecoder(format, [&](auto decoder) {
    using Decode = decltype(decoder);
    if (tokens == 1) return addScaledRowsOneToken<Decode>(rows, count, h, begin, end, y);
    for (size_t t = 0; t < tokens; t += kSumTokensAtOnce) {
      addScaledRowsManyTokens<Decode>(rows, count, h + t * hStride, hStride, begin, end, y + t * yStride, yStride,
                                      least(kSumTokensAtOnce, tokens - t), *static_cast<SumScratch*>(scratch));
    }
  });
}

void decodeRow(Format format, const uint8_t* row, size_t columns, float* into) {
  withDecoder(format, [&](auto decoder) { decodeRowOf<decltype(decoder)>(row, columns, into); });
}

/** e^x for x <= 0: x = n ln 2 + r, |r| <= ln 2 / 2, a Taylor polynomial for e^r (relative error below 2e-7); 0 below -87. */
inline F exponential(F x) {
  constexpr float kLowest = -87.0f;
  constexpr float kShift = 12582912.0f;
  const F bounded = Simd::max(Simd::set(kLowest), x);
  const F shifted = Simd::fma(bounded, Simd::set(1.44269504f), Simd::set(kShift));
  const F n = Simd::subtract(shifted, Simd::set(kShift));
  // ln 2 in two parts, the first with so few bits that n times it is exact.
  F r = Simd::fma(n, Simd::set(-0.693359375f), bounded);
  r = Simd::fma(n, Simd::set(2.12194440e-4f), r);
  constexpr float kTaylor[] = {1 / 720.0f, 1 / 120.0f, 1 / 24.0f, 1 / 6.0f, 0.5f, 1.0f, 1.0f};
  F power = Simd::set(kTaylor[0]);
  for (size_t i = 1; i < 7; i++) power = Simd::fma(power, r, Simd::set(kTaylor[i]));
  return Simd::zeroBelow(x, kLowest, Simd::multiply(power, Simd::powerOfTwo(shifted)));
}

float exponentials(float* scores, size_t count, float scale) {
  float highest = scores[0];
  for (size_t i = 1; i < count; i++) highest = scores[i] > highest ? scores[i] : highest;
  const F shift = Simd::set(highest);
  const F factor = Simd::set(scale);
  F sum = Simd::zero();
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const F power = exponential(Simd::multiply(Simd::subtract(Simd::load(scores + i), shift), factor));
    Simd::store(scores + i, power);
    sum = Simd::add(sum, power);
  }
  if (i < count) {
    float padded[kLanes];
    for (size_t k = 0; k < kLanes; k++) padded[k] = i + k < count ? scores[i + k] : -__builtin_inff();
    const F power = exponential(Simd::multiply(Simd::subtract(Simd::load(padded), shift), factor));
    Simd::storeFirst(scores + i, power, count - i);
    sum = Simd::add(sum, power);
  }
  return Simd::sum(sum);
}

void toHalf(const float* from, size_t count, uint8_t* into) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Simd::storeHalves(into + 2 * i, Simd::load(from + i));
  if (i < count) {
    uint8_t padded[2 * kLanes];
    Simd::storeHalves(padded, Simd::loadFirst(from + i, count - i));
    std::memcpy(into + 2 * i, padded, 2 * (count - i));
  }
}

constexpr Kernels kKernels = {dots, addScaledRows, decodeRow, exponentials, toHalf};

}  // namespace
}  // namespace flashrow
