#pragma once

// The exponentials of a softmax. Part of shared.h.

#include "kernels/decode.h"

namespace flashrow {
namespace {

/**
 * e^x for x <= 0, and 0 below -87: x = n ln 2 + r, |r| <= ln 2 / 2, with a Taylor polynomial for e^r (relative error
 * below 2e-7).
 */
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

}  // namespace
}  // namespace flashrow
