#include "kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512VNNI__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <cstddef>

namespace flashrow {
namespace {

inline void put(const Products& out, size_t row, size_t token, float product) {
  float* into = out.base + token * out.stride + (out.index != nullptr ? out.index[row] : row);
  *into = out.add ? *into + product : product;
}

}  // namespace
}  // namespace flashrow

/**
 * A product is defined block by block, and one token's kernel and many tokens' both keep to it: the integers' sum, exact, becomes a
 * float, is multiplied with (weights' scale * inputs' scale) and added to one of four sums, the block's number modulo 4; a minimum
 * times the inputs' total follows. Where 16 columns have a scale of their own, they are summed apart, the first 16 first. At the end
 * (0 + 1) + (2 + 3).
 */
#include "vnni_many_tokens.h"
#include "vnni_one_token.h"

namespace flashrow {
namespace {

template <class Weights>
void dotsOf(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens, const Products& out, void* scratch) {
  if (count == 0) return;
  if (tokens == 1) {
    oneToken<Weights>(rows, count, columns, reinterpret_cast<const OneTokenGroup*>(inputs), out);
  } else {
    manyTokens<Weights>(rows, count, columns, inputs, tokens, out, *static_cast<VnniScratch*>(scratch));
  }
}

bool takes(Format format) { return traitsOf(format).blockSize > 1; }

void dots(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens, const Products& out,
          void* scratch) {
  switch (format) {
    case Format::Q4_0: return dotsOf<WeightsQ4_0>(rows, count, columns, inputs, tokens, out, scratch);
    case Format::Q4_1: return dotsOf<WeightsQ4_1>(rows, count, columns, inputs, tokens, out, scratch);
    case Format::Q4_K: return dotsOf<WeightsQ4_K>(rows, count, columns, inputs, tokens, out, scratch);
    case Format::Q5_K: return dotsOf<WeightsQ5_K>(rows, count, columns, inputs, tokens, out, scratch);
    case Format::Q6_K: return dotsOf<WeightsQ6_K>(rows, count, columns, inputs, tokens, out, scratch);
    case Format::Mxfp4: return dotsOf<WeightsMxfp4>(rows, count, columns, inputs, tokens, out, scratch);
    default: return dotsOf<WeightsQ8_0>(rows, count, columns, inputs, tokens, out, scratch);
  }
}

constexpr IntegerKernels kKernels = {takes, inputBytes, quantize, dots};

}  // namespace

const IntegerKernels* vnniKernels() { return __builtin_cpu_supports("avx512vnni") ? &kKernels : nullptr; }

}  // namespace flashrow

#else

namespace flashrow {

const IntegerKernels* vnniKernels() { return nullptr; }

}  // namespace flashrow

#endif
