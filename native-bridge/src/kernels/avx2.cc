#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "kernels/simd_avx2.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"

#include "processor.h"

namespace flashrow {

const Kernels* avx2Kernels() { return processor().avx2 ? &kKernels : nullptr; }

}  // namespace flashrow

#else

#include "kernels/kernels.h"

namespace flashrow {

const Kernels* avx2Kernels() { return nullptr; }

}  // namespace flashrow

#endif
