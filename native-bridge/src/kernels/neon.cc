#if defined(__aarch64__) && defined(__ARM_NEON)

#include "kernels/simd_neon.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"

namespace flashrow {

const Kernels* neonKernels() {
  static const Kernels kernels = [] {
    Kernels withIntegers = kKernels;
    withIntegers.integers = dotprodKernels();
    return withIntegers;
  }();
  return &kernels;
}

}  // namespace flashrow

#else

#include "kernels/kernels.h"

namespace flashrow {

const Kernels* neonKernels() { return nullptr; }

}  // namespace flashrow

#endif
