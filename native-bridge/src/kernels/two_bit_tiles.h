#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/**
 * A tile is 16 rows of 256 weights in two bits each, with rows in the lanes of a vector. A weight is step * level -
 * minimum, level 0 to 3; 16 columns of a row (a run) share both. native-bridge/two-bit-tiles.ts describes the bytes.
 */
struct TwoBitTile {
  static constexpr size_t kRows = 16, kColumns = 256, kRun = 16, kRuns = kColumns / kRun, kBytes = 1344;
  static constexpr size_t kStepsAt = 1024, kMinimaAt = 1152, kStepFactorsAt = 1280, kMinimumFactorsAt = 1312;
};

/** The inputs of a tile: x = scale * quant. */
struct TwoBitInputs {
  float scale;
  int8_t quants[TwoBitTile::kColumns];
  /** Of each run's quants. */
  int16_t sums[TwoBitTile::kRuns];
};

/** Of x[kColumns] the first `count` are given, and the others zero. What is not finite makes products NaN. */
void quantizeTwoBitInputs(const float* x, size_t count, TwoBitInputs& into);

}  // namespace flashrow
