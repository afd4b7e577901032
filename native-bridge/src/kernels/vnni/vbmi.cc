#include "kernels/vnni/vbmi.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && \
    defined(__AVX512VNNI__) && defined(__AVX512VBMI__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/vnni/few_tokens.h"
#include "kernels/vnni/vbmi_few_bit_blocks.h"
#include "kernels/vnni/vbmi_grid_blocks.h"
#include "processor.h"

namespace flashrow {
namespace {

/** Calls use(Of<Weights>{}) for a format that is taken apart here. */
template <class Use>
bool withPermutedWeights(Format format, const Use& use) {
  switch (format) {
    case Format::Q2_0: return use(Of<PermutedQ2_0>{});
    case Format::TQ1_0: return use(Of<PermutedTQ1_0>{});
    case Format::IQ2_XXS: return use(Of<PermutedIQ2_XXS>{});
    case Format::IQ2_XS: return use(Of<PermutedIQ2_XS>{});
    case Format::IQ2_S: return use(Of<PermutedIQ2_S>{});
    case Format::IQ3_XXS: return use(Of<PermutedIQ3_XXS>{});
    case Format::IQ3_S: return use(Of<PermutedIQ3_S>{});
    default: return false;
  }
}

}  // namespace

bool vbmiDots(Format format, const Rows& rows, size_t count, size_t columns, const uint8_t* inputs, size_t tokens,
              const Products& out) {
  if (!processor().avx512vbmi) return false;
  return withPermutedWeights(format, [&](auto of) {
    fewDotsInlined<typename decltype(of)::Weights>(rows, count, columns, inputs, tokens, out);
    return true;
  });
}

}  // namespace flashrow

#else

namespace flashrow {

bool vbmiDots(Format, const Rows&, size_t, size_t, const uint8_t*, size_t, const Products&) { return false; }

}  // namespace flashrow

#endif
