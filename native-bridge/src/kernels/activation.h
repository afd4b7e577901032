#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

enum class Activation : uint8_t {
  Relu = 0,
  Silu = 1,
  Gelu = 2,
  GeluTanh = 3,
  ClampedSwiglu = 4,
  ReluSquared = 5,
  ClampedSilu = 6
};

/** values[i] <- act(values[i]); NaN stays NaN. `limit` is that of the clamped SiLU. */
void activate(Activation activation, float limit, float* values, size_t count);

/**
 * values[i] <- the factor that up's product values[i] gives to the activated gate: the product itself, but clamped for
 * the clamped SiLU, and clamped and plus 1 for the clamped SwiGLU.
 */
void activateUp(Activation activation, float limit, float* values, size_t count);

}  // namespace flashrow
