#include "kernels/quantized_inputs.h"

#include <algorithm>

namespace flashrow {
namespace {

constexpr size_t kLine = 64;

/** Before the inputs of each thread, in a line of its own. */
struct alignas(kLine) Own {
  bool areMade;
};

size_t runBytes(const IntegerKernels& kernels, const QuantizedInputs::Source& source) {
  return (kernels.inputBytes(source.columns, source.tokens) + kLine - 1) / kLine * kLine;
}

size_t ownBytes(size_t bytesOfRun, size_t runs) { return sizeof(Own) + runs * bytesOfRun; }

}  // namespace

size_t QuantizedInputs::bytes(const ThreadPool& pool, const IntegerKernels& kernels, const Source& source) {
  const size_t ofRun = runBytes(kernels, source);
  return source.tokens == 1 ? pool.size() * ownBytes(ofRun, source.runs) : source.runs * ofRun;
}

void QuantizedInputs::begin(ThreadPool& pool, const IntegerKernels& kernels, const Source& source, uint8_t* memory) {
  kernels_ = &kernels;
  source_ = source;
  memory_ = memory;
  bytesOfRun_ = runBytes(kernels, source);
  const size_t runs = source.runs, tokens = source.tokens;
  if (tokens == 1) {
    const size_t each = ownBytes(bytesOfRun_, runs);
    for (size_t thread = 0; thread < pool.size(); thread++)
      reinterpret_cast<Own*>(memory + thread * each)->areMade = false;
    return;
  }
  pool.run(threadsFor(pool, runs * source.columns * sizeof(float), tokens), [&](size_t thread, size_t threads) {
    const Share share(runs * tokens, 1, thread, threads);
    for (size_t at = share.begin, next; at < share.end; at = next) {
      const size_t run = at / tokens;
      next = std::min(share.end, (run + 1) * tokens);
      quantize(run, at - run * tokens, next - run * tokens, memory);
    }
  });
}

void QuantizedInputs::quantize(size_t run, size_t begin, size_t end, uint8_t* into) const {
  kernels_->quantize(source_.x + run * source_.columns, source_.xStride, source_.columns, source_.tokens, begin, end,
                     into + run * bytesOfRun_);
}

const uint8_t* QuantizedInputs::of(size_t thread) const {
  if (source_.tokens != 1) return memory_;
  uint8_t* const own = memory_ + thread * ownBytes(bytesOfRun_, source_.runs);
  uint8_t* const inputs = own + sizeof(Own);
  bool& areMade = reinterpret_cast<Own*>(own)->areMade;
  for (size_t run = 0; !areMade && run < source_.runs; run++) quantize(run, 0, 1, inputs);
  areMade = true;
  return inputs;
}

}  // namespace flashrow
