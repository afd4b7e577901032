#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/simd_avx512.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"
#include "processor.h"

namespace flashrow {

const Kernels* avx512Kernels() {
  if (!processor().avx512) return nullptr;
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
