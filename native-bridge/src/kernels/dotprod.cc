#include "kernels/kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include "kernels/dotprod_dots.h"
#include "kernels/dotprod_two_bit.h"
#include "processor.h"

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

constexpr IntegerKernels kKernels = {takes, inputBytes, quantize, dots, addTwoBitTile};

}  // namespace

const IntegerKernels* dotprodKernels() { return processor().dotProducts ? &kKernels : nullptr; }

}  // namespace flashrow

#else

namespace flashrow {

const IntegerKernels* dotprodKernels() { return nullptr; }

}  // namespace flashrow

#endif
