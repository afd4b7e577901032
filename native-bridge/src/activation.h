#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

enum class Activation : uint8_t { Relu = 0, Silu = 1, Gelu = 2, GeluTanh = 3 };

/** values[i] <- act(values[i]); NaN stays NaN. */
void activate(Activation activation, float* values, size_t count);

}  // namespace flashrow
