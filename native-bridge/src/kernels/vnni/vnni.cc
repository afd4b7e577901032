#include "kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && \
    defined(__AVX512VNNI__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/**
 * A product is defined block by block, and the kernels for one token, a few and many keep to it. The sum in integers
 * is exact. It becomes a float, is multiplied with (weights' scale * inputs' scale) and added to one of four sums, the
 * one of the block's number modulo 4; a minimum times the inputs' total follows. Where 16 columns have a scale (and a
 * minimum) of their own, they are summed apart, the first 16 first. At the end the sums become (0 + 1) + (2 + 3).
 */
#include <type_traits>

#include "kernels/vnni/few_tokens.h"
#include "kernels/vnni/many_tokens.h"
#include "kernels/vnni/one_token.h"
#include "kernels/vnni/two_bit_products.h"
#include "kernels/vnni/vbmi.h"
#include "processor.h"

namespace flashrow {
namespace {

size_t inputBytes(size_t columns, size_t tokens) {
  if (tokens == 1) return groupsOf(columns) * sizeof(OneTokenGroup);
  return tokens * (tokens <= kFewTokens ? groupsOf(columns) * sizeof(FewTokensGroup) : manyTokensStride(columns));
}

void quantize(const float* x, size_t xStride, size_t columns, size_t tokens, size_t begin, size_t end, uint8_t* into) {
  if (tokens == 1) {
    quantizeGroups(x, columns, reinterpret_cast<OneTokenGroup*>(into));
    return vbmiArrange(into, columns);
  }
  for (size_t t = begin; t < end; t++) {
    if (tokens <= kFewTokens) {
      quantizeGroups(x + t * xStride, columns, reinterpret_cast<FewTokensGroup*>(into) + t * groupsOf(columns));
    } else {
      quantizeManyTokens(x + t * xStride, columns,
                         reinterpret_cast<ManyTokensBlock*>(into + t * manyTokensStride(columns)));
    }
  }
}

template <class Weights>
void dotsOf(const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens, const Products& out,
            void* scratch) {
  if (count == 0) return;
  if (tokens <= kFewTokens) {
    if constexpr (std::is_same_v<Weights, WeightsOf<BlockNvfp4>>) {
      fewDotsInlined<Weights>(rows, count, columns, inputs, tokens, out);
    } else {
      fewDots<Weights>(rows, count, columns, inputs, tokens, out);
    }
  } else {
    manyTokens<Weights>(rows, count, columns, inputs, tokens, out, *static_cast<VnniScratch*>(scratch));
  }
}

void dots(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
          const Products& out, void* scratch) {
  if (tokens <= kFewTokens && vbmiDots(format, rows, count, columns, inputs, tokens, out, scratch)) return;
  withWeights(format, [&](auto of) {
    dotsOf<typename decltype(of)::Weights>(rows, count, columns, inputs, tokens, out, scratch);
  });
}

constexpr IntegerKernels kKernels = {takes, inputBytes, quantize, dots, addTwoBitTile};

}  // namespace

const IntegerKernels* vnniKernels() { return processor().avx512vnni ? &kKernels : nullptr; }

}  // namespace flashrow

#else

namespace flashrow {

const IntegerKernels* vnniKernels() { return nullptr; }

}  // namespace flashrow

#endif
