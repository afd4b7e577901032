#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "kernels/simd_avx2.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"

#include <cpuid.h>

namespace flashrow {

static bool hasHalfConversion() {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

const Kernels* avx2Kernels() {
  const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                         __builtin_cpu_supports("popcnt") && hasHalfConversion();
  return supported ? &kKernels : nullptr;
}

}  // namespace flashrow

#else

#include "kernels/kernels.h"

namespace flashrow {

const Kernels* avx2Kernels() { return nullptr; }

}  // namespace flashrow

#endif
