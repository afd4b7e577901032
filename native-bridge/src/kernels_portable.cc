#include "simd_portable.h"
// The algorithm, over the Simd above.
#include "kernels_shared.h"

namespace flashrow {

const Kernels& portableKernels() { return kKernels; }

}  // namespace flashrow
