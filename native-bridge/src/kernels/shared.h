#pragma once

/**
 * The one algorithm of all kernels, over a `Simd` that the including file defines (8 or 16 float lanes). Everything
 * here has internal linkage, so that no function compiled for one instruction set can be linked in for another.
 *
 * A dot product is one accumulator of kLanes, fed in ascending column order and added up by one fixed tree. A sum of
 * scaled rows is one chain of multiply-adds in ascending row order. Tiles only decide which pairs run side by side,
 * never a pair's own order.
 */

#include "kernels/decode.h"
#include "kernels/float_dots.h"
#include "kernels/recurrence.h"
#include "kernels/signs.h"
#include "kernels/softmax.h"
#include "kernels/sums.h"
#include "kernels/two_bit_products.h"

namespace flashrow {
namespace {

constexpr Kernels kKernels = {dots, addScaledRows, decodeRow, exponentials, agreements, recur, addTwoBitTile};

}  // namespace
}  // namespace flashrow
