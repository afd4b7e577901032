#include "kernels/two_bit_tiles.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flashrow {

static constexpr float kLargestQuant = 127;
/** Smaller inputs than this are rounded to its steps: below, scales would lose bits of their own. */
static constexpr float kLeastLargest = 0x1p-90f;

void quantizeTwoBitInputs(const float* x, size_t count, TwoBitInputs& into) {
  float largest = kLeastLargest;
  bool finite = true;
  for (size_t i = 0; i < count; i++) {
    const float size = std::fabs(x[i]);
    finite = finite && size <= std::numeric_limits<float>::max();
    largest = std::max(largest, size);
  }
  into = {};
  into.scale = finite ? largest / kLargestQuant : std::numeric_limits<float>::quiet_NaN();
  if (!finite) return;
  const float inverse = kLargestQuant / largest;
  for (size_t i = 0; i < count; i++) {
    const int quant = static_cast<int>(std::lrint(x[i] * inverse));
    into.quants[i] = static_cast<int8_t>(quant);
    into.sums[i / TwoBitTile::kRun] = static_cast<int16_t>(into.sums[i / TwoBitTile::kRun] + quant);
  }
}

}  // namespace flashrow
