#include "kernels/activation.h"

#include <cmath>

namespace flashrow {

static float relu(float z) { return z < 0 ? 0 : z; }

/** Primer (arXiv 2109.08668). */
static float reluSquared(float z) { return z < 0 ? 0 : z * z; }

static float silu(float z) { return z / (1 + std::exp(-z)); }

static float gelu(float z) { return 0.5f * z * (1 + std::erf(z * 0.70710678f)); }

/** The tanh approximation of Hendrycks and Gimpel (arXiv 1606.08415). */
static float geluTanh(float z) { return 0.5f * z * (1 + std::tanh(0.79788456f * (z + 0.044715f * z * z * z))); }

/** gpt-oss's SwiGLU (arXiv 2508.10925): neither side runs off, and the sigmoid is steeper. */
static constexpr float kLimit = 7;
static float clampedGate(float z) {
  const float clamped = z > kLimit ? kLimit : z;
  return clamped / (1 + std::exp(-1.702f * clamped));
}

static float clamp(float z, float limit) { return z > limit ? limit : z < -limit ? -limit : z; }

static float clampedUp(float z) { return clamp(z, kLimit) + 1; }

template <float (*function)(float)>
static void apply(float* values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = function(values[i]);
}

/** DeepSeek V4's SwiGLU: neither side runs off. */
static void clampedSilu(float limit, float* values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = silu(values[i] > limit ? limit : values[i]);
}

void activate(Activation activation, float limit, float* values, size_t count) {
  switch (activation) {
    case Activation::Relu: return apply<relu>(values, count);
    case Activation::Silu: return apply<silu>(values, count);
    case Activation::Gelu: return apply<gelu>(values, count);
    case Activation::GeluTanh: return apply<geluTanh>(values, count);
    case Activation::ClampedSwiglu: return apply<clampedGate>(values, count);
    case Activation::ReluSquared: return apply<reluSquared>(values, count);
    case Activation::ClampedSilu: return clampedSilu(limit, values, count);
  }
}

void activateUp(Activation activation, float limit, float* values, size_t count) {
  if (activation == Activation::ClampedSwiglu) apply<clampedUp>(values, count);
  if (activation != Activation::ClampedSilu) return;
  for (size_t i = 0; i < count; i++) values[i] = clamp(values[i], limit);
}

}  // namespace flashrow
