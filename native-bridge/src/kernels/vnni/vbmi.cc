#include "kernels/vnni/vbmi.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && \
    defined(__AVX512VNNI__) && defined(__AVX512VBMI__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own intrinsics leave operands undefined that a full mask never looks at (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/vnni/few_tokens.h"
#include "kernels/vnni/grids_in_lanes.h"
#include "kernels/vnni/iq1_in_lanes.h"
#include "kernels/vnni/one_bit_sums.h"
#include "kernels/vnni/ternary_in_lanes.h"
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
              const Products& out, void* scratch) {
  if (!processor().avx512vbmi) return false;
  const auto inLanes = [&](auto lanes, auto four) {
    using Lanes = typename decltype(lanes)::Weights;
    oneTokenByLanes<Lanes, typename decltype(four)::Weights>(rows, count, columns, inputs, out);
    return true;
  };
  if (tokens == 1) {
    switch (format) {
      case Format::Q1_0: return oneTokenBySums(rows, count, columns, inputs, out, scratch);
      case Format::TQ1_0: return inLanes(Of<LanesTQ1_0>{}, Of<PermutedTQ1_0>{});
      case Format::IQ1_S: return inLanes(Of<LanesIQ1_S>{}, Of<WeightsOf<BlockIQ1_S>>{});
      case Format::IQ1_M: return inLanes(Of<LanesIQ1_M>{}, Of<WeightsOf<BlockIQ1_M>>{});
      case Format::IQ2_XXS: return inLanes(Of<LanesIQ2_XXS>{}, Of<PermutedIQ2_XXS>{});
      case Format::IQ2_XS: return inLanes(Of<LanesIQ2_XS>{}, Of<PermutedIQ2_XS>{});
      case Format::IQ2_S: return inLanes(Of<LanesIQ2_S>{}, Of<PermutedIQ2_S>{});
      default: break;
    }
  }
  return withPermutedWeights(format, [&](auto of) {
    fewDotsInlined<typename decltype(of)::Weights>(rows, count, columns, inputs, tokens, out);
    return true;
  });
}

void vbmiArrange(uint8_t* inputs, size_t columns) {
  if (!processor().avx512vbmi) return;
  auto* const groups = reinterpret_cast<OneTokenGroup*>(inputs);
  for (size_t i = 0; i < groupsOf(columns); i++) {
    arrange<ByPoints>(groups[i], groups[i].points);
    arrange<InPairs>(groups[i], groups[i].pairs);
    arrange<InQuarters>(groups[i], groups[i].quarters);
    for (size_t half = 0; half < 2; half++) {
      for (size_t block = 0; block < kGroupBlocks; block++) {
        groups[i].sums9[half][block] = 9 * groups[i].sumsOf[half][4 * block];
        groups[i].sums64[half][block] = 64 * groups[i].sumsOf[half][4 * block];
      }
    }
  }
}

}  // namespace flashrow

#else

namespace flashrow {

void vbmiArrange(uint8_t*, size_t) {}

bool vbmiDots(Format, const Rows&, size_t, size_t, const uint8_t*, size_t, const Products&, void*) { return false; }

}  // namespace flashrow

#endif
