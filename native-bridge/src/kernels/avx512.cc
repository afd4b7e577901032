#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/simd_avx512.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"

namespace flashrow {

const Kernels* avx512Kernels() {
  // AVX2's kernels answer for FMA and half floats.
  const bool supported = avx2Kernels() != nullptr && __builtin_cpu_supports("avx512f") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("avx512dq");
  if (!supported) return nullptr;
  static const Kernels kernels = [] {
    Kernels withIntegers = kKernels;
    withIntegers.integers = vnniKernels();
    return withIntegers;
  }();
  return &kernels;
}

}  // namespace flashrow

#else

#include "kernels/kernels.h"

namespace flashrow {

const Kernels* avx512Kernels() { return nullptr; }

}  // namespace flashrow

#endif
