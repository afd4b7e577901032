#include "bindings/bindings.h"

#include <string>

#include "bindings/arguments.h"
#include "bindings/pool.h"
#include "crc32c.h"
#include "dense/low_rank_trainer.h"
#include "file_lock.h"
#include "probe.h"
#include "recycling.h"

namespace flashrow {

static double numberOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) failUsage(std::string(name) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

Napi::Value trainLowRankStep(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Pool& pool = Pool::from(info[0]);
    const Napi::Object object = toObject(info[1], "step");
    LowRankStep step{};
    step.hiddenSize = countOf(object, "hiddenSize");
    step.numNeurons = countOf(object, "numNeurons");
    step.rank = countOf(object, "rank");
    step.a = toFloats(object.Get("a"), elements(3 * step.rank, step.hiddenSize), "a");
    step.b = toFloats(object.Get("b"), elements(3 * step.rank, step.numNeurons), "b");
    step.bias = toFloats(object.Get("bias"), elements(3, step.numNeurons), "bias");
    step.positiveWeight = numberOf(object, "positiveWeight");
    step.negativeWeight = numberOf(object, "negativeWeight");
    step.learningRate = numberOf(object, "learningRate");
    step.step = numberOf(object, "step");
    const uint64_t samples = toCount(info[4], "samples");
    const float* x = toFloats(info[2], elements(samples, step.hiddenSize), "x");
    const Span<uint8_t> active = toSpan<uint8_t>(info[3], napi_uint8_array,
                                                 elements(samples, (step.numNeurons + 7) / 8), "active", "Uint8Array");
    return Napi::Number::New(info.Env(), trainLowRank(*pool.threads(), pool.kernels(), step, x, active.data, samples));
  });
}

Napi::Value countAgreements(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Pool& pool = Pool::from(info[0]);
    const uint64_t rows = toCount(info[2], "rows"), columns = toCount(info[3], "columns"),
                   tokens = toCount(info[5], "tokens");
    if (columns == 0) failUsage("signs need at least one column");
    const size_t words = (columns + 31) / 32;
    const Span<uint32_t> signs = toIds(info[1], elements(rows, words), "signs");
    const Span<uint32_t> inputs = toIds(info[4], elements(tokens, words), "inputs");
    float* out = toFloats(info[6], elements(tokens, rows), "agreement");
    const Kernels& kernels = pool.kernels();
    ThreadPool& threads = *pool.threads();
    threads.run(threadsFor(threads, rows * words * 4, tokens), [&](size_t thread, size_t count) {
      const Share share(rows, 16, thread, count);
      if (share.begin == share.end) return;
      kernels.agreements(signs.data + share.begin * words, share.end - share.begin, words, columns, inputs.data, tokens,
                         out + share.begin, rows);
    });
    return info.Env().Undefined();
  });
}

Napi::Value checksumBytes(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Span<uint8_t> bytes = toSpan<uint8_t>(info[0], napi_uint8_array, 0, "bytes", "Uint8Array");
    return Napi::Number::New(info.Env(),
                             crc32c(bytes.data, bytes.length, static_cast<uint32_t>(toCount(info[1], "seed"))));
  });
}

Napi::Value lockOpenFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const FileLock result = lockFile(static_cast<int>(toCount(info[0], "file")));
    return Napi::String::New(info.Env(), result == FileLock::taken  ? "taken"
                                         : result == FileLock::held ? "held"
                                                                    : "refused");
  });
}

Napi::Value probeFile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const uint64_t threads = toCount(info[3], "readThreads");
    if (threads > 1024) failUsage("readThreads must be from 1 to 1024");
    const ReadProbe result =
        probeReads(toText(info[0], "path"), toCount(info[1], "recordBytes"), toCount(info[2], "totalBytes"), threads);
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("bytes", static_cast<double>(result.bytes));
    object.Set("seconds", result.seconds);
    object.Set("direct", result.direct);
    return object;
  });
}

Napi::Value recycleMemory(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    recycle(toFlag(info[0], "isOn"));
    return info.Env().Undefined();
  });
}

}  // namespace flashrow
