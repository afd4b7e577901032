#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace flashrow {

/** Puts one token's inputs into further orders, which vbmiDots looks for; nothing where it does nothing. */
void vbmiArrange(uint8_t* inputs, size_t columns);

/**
 * Products of vnni.cc's inputs for up to 16 tokens, bit for bit its own, where permutations of bytes (AVX-512 VBMI)
 * take a format's blocks apart faster. False where they do not, or where this build or this processor lacks them: then
 * nothing is written.
 */
bool vbmiDots(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
              const Products& out, void* scratch);

}  // namespace flashrow
