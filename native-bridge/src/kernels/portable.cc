#include "kernels/simd_portable.h"
// The algorithm, over the Simd above.
#include "kernels/shared.h"

namespace flashrow {

const Kernels& portableKernels() { return kKernels; }

}  // namespace flashrow
