#pragma once

// One token's step of a linear recurrence. Part of shared.h.

#include "kernels/kernels.h"

namespace flashrow {
namespace {

/** `vectors` (a constant) vectors of columns from column `at` on. A column's result depends on that column alone. */
template <size_t vectors>
inline void recurAt(const RecurrenceStep& step, size_t at) {
  const F decay = Simd::set(step.decay);
  const F weight = Simd::set(step.weight);
  F added[vectors], sums[vectors];
  for (size_t v = 0; v < vectors; v++) {
    added[v] = Simd::load(step.v + at + v * kLanes);
    sums[v] = Simd::zero();
  }
  if (step.delta) {
    for (size_t row = 0; row < step.rows; row++) {
      const F k = Simd::set(step.k[row]);
      const float* from = step.from + row * step.stride + at;
      for (size_t v = 0; v < vectors; v++) sums[v] = Simd::fma(k, Simd::load(from + v * kLanes), sums[v]);
    }
    for (size_t v = 0; v < vectors; v++) {
      added[v] = Simd::subtract(added[v], Simd::multiply(decay, sums[v]));
      sums[v] = Simd::zero();
    }
  }
  for (size_t v = 0; v < vectors; v++) added[v] = Simd::multiply(weight, added[v]);
  for (size_t row = 0; row < step.rows; row++) {
    const F k = Simd::set(step.k[row]);
    const F q = Simd::set(step.q[row]);
    const float* from = step.from + row * step.stride + at;
    float* to = step.to + row * step.stride + at;
    for (size_t v = 0; v < vectors; v++) {
      const F next = Simd::fma(k, added[v], Simd::multiply(decay, Simd::load(from + v * kLanes)));
      Simd::store(to + v * kLanes, next);
      sums[v] = Simd::fma(q, next, sums[v]);
    }
  }
  if (step.out == nullptr) return;
  for (size_t v = 0; v < vectors; v++) Simd::store(step.out + at + v * kLanes, sums[v]);
}

/** The last `count` columns, fewer than a vector's lanes. */
inline void recurLast(const RecurrenceStep& step, size_t at, size_t count) {
  const F decay = Simd::set(step.decay);
  F added = Simd::loadFirst(step.v + at, count);
  F sum = Simd::zero();
  if (step.delta) {
    for (size_t row = 0; row < step.rows; row++) {
      sum = Simd::fma(Simd::set(step.k[row]), Simd::loadFirst(step.from + row * step.stride + at, count), sum);
    }
    added = Simd::subtract(added, Simd::multiply(decay, sum));
    sum = Simd::zero();
  }
  added = Simd::multiply(Simd::set(step.weight), added);
  for (size_t row = 0; row < step.rows; row++) {
    const F kept = Simd::multiply(decay, Simd::loadFirst(step.from + row * step.stride + at, count));
    const F next = Simd::fma(Simd::set(step.k[row]), added, kept);
    Simd::storeFirst(step.to + row * step.stride + at, next, count);
    sum = Simd::fma(Simd::set(step.q[row]), next, sum);
  }
  if (step.out != nullptr) Simd::storeFirst(step.out + at, sum, count);
}

void recur(const RecurrenceStep& step) {
  size_t at = 0;
  for (; at + 4 * kLanes <= step.columns; at += 4 * kLanes) recurAt<4>(step, at);
  for (; at + kLanes <= step.columns; at += kLanes) recurAt<1>(step, at);
  if (at < step.columns) recurLast(step, at, step.columns - at);
}

}  // namespace
}  // namespace flashrow
