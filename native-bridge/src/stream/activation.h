#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

enum class Activation : uint8_t { Relu = 0, Silu = 1, Gelu = 2, GeluTanh = 3, ClampedSwiglu = 4 };

/** values[i] <- act(values[i]); NaN stays NaN. */
void activate(Activation activation, float* values, size_t count);

/** What the activated gate is multiplied by, of up's product: that itself for all but the clamped SwiGLU, whose gate lets 1 + up through. */
void activateUp(Activation activation, float* values, size_t count);

}  // namespace flashrow
