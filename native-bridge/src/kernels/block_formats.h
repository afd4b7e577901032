#pragma once

// The formats whose blocks spread out to signed bytes, with a scale for each 16 or 32 of them.

#include "format.h"
#include "kernels/five_bit_blocks.h"
#include "kernels/iq4_blocks.h"
#include "kernels/low_bit_blocks.h"
#include "kernels/super_blocks.h"

namespace flashrow {
namespace {

/**
 * Calls use(Block{}) for the format. This is all that a format needs to have kernels in every instruction set; those
 * that take its blocks apart faster come on top. A Block has
 *
 * - kWeights and kBytes, as in format.h; 32, 64, 128 or 256 weights;
 * - kRun, 16 or 32: weight i is scales[i / kRun] * quants[i] - minima[i / kRun];
 * - kHasMinima: without, `expand` leaves the minima alone;
 * - expand(from, quants, scales, minima), which writes a block's signed bytes and floats.
 */
template <class Use>
auto withBlock(Format format, const Use& use) {
  switch (format) {
    case Format::Q5_0: return use(BlockQ5_0{});
    case Format::Q5_1: return use(BlockQ5_1{});
    case Format::Q2_K: return use(BlockQ2_K{});
    case Format::Q3_K: return use(BlockQ3_K{});
    case Format::Q4_K: return use(BlockQ4_K{});
    case Format::Q5_K: return use(BlockQ5_K{});
    case Format::IQ4_NL: return use(BlockIQ4_NL{});
    case Format::IQ4_XS: return use(BlockIQ4_XS{});
    default: return use(BlockQ6_K{});
  }
}

}  // namespace
}  // namespace flashrow
