#include "kernels/kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernels/dotprod_dots.h"

namespace flashrow {
namespace {

void dots(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
          const Products& out, void* scratch) {
  const InputBlock* const x = reinterpret_cast<const InputBlock*>(inputs);
  withWeights(format, [&](auto of) {
    using Weights = typename decltype(of)::Weights;
    if (tokens == 1) {
      oneToken<Weights>(rows, count, columns, x, out);
    } else {
      manyTokens<Weights>(rows, count, columns, x, tokens, out, *static_cast<DotprodScratch*>(scratch));
    }
  });
}

constexpr IntegerKernels kKernels = {takes, inputBytes, quantize, dots};

bool hasDotProducts() {
#if defined(__APPLE__)
  int has = 0;
  size_t bytes = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &bytes, nullptr, 0) == 0 && has != 0;
#elif defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return false;
#endif
}

}  // namespace

const IntegerKernels* dotprodKernels() { return hasDotProducts() ? &kKernels : nullptr; }

}  // namespace flashrow

#else

namespace flashrow {

const IntegerKernels* dotprodKernels() { return nullptr; }

}  // namespace flashrow

#endif
