#include "bindings/bindings.h"

#include "bindings/arguments.h"
#include "bindings/pool.h"
#include "mixers/convolution.h"
#include "mixers/recurrence.h"

namespace flashrow {
namespace {

/** The floats of a field from `offset` on; null where the field is null. */
float* floatsOf(const Napi::Object& object, const char* name, uint64_t offset, uint64_t needed) {
  const Napi::Value value = object.Get(name);
  if (value.IsNull()) return nullptr;
  return toFloats(value, elements(1, offset) + needed, name) + offset;
}

float* requiredFloats(const Napi::Object& object, const char* name, uint64_t offset, uint64_t needed) {
  float* floats = floatsOf(object, name, offset, needed);
  if (floats == nullptr) failUsage(std::string(name) + " must be a Float32Array");
  return floats;
}

/** A count that keeps products of four such numbers within 64 bits. */
uint64_t sizeOf(const Napi::Object& object, const char* name) {
  const uint64_t size = countOf(object, name);
  if (size == 0 || size > 1 << 20) failUsage(std::string(name) + " must be from 1 to 2^20");
  return size;
}

/** [tokens, stride] from row `first` on, of which `columns` are used. */
const float* rowsOf(const Napi::Object& object, uint64_t tokens, uint64_t stride, uint64_t columns) {
  if (columns > stride) failUsage("the inputs' rows are too short");
  const uint64_t first = countOf(object, "first");
  if (first > 1 << 20) failUsage("first must be below 2^20");
  return requiredFloats(object, "inputs", first * stride, (tokens - 1) * stride + columns);
}

}  // namespace

Napi::Value convolveColumns(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Napi::Object object = toObject(info[1], "call");
    Convolution call{};
    call.tokens = sizeOf(object, "tokens");
    call.channels = sizeOf(object, "channels");
    call.kernel = sizeOf(object, "kernel");
    call.stride = sizeOf(object, "stride");
    call.silu = toFlag(object.Get("silu"), "silu");
    call.inputs = rowsOf(object, call.tokens, call.stride, call.channels);
    const uint64_t kept = (call.kernel - 1) * call.channels;
    call.from = requiredFloats(object, "from", 0, kept);
    call.to = requiredFloats(object, "to", 0, kept);
    call.weights = requiredFloats(object, "weights", 0, call.kernel * call.channels);
    call.bias = floatsOf(object, "bias", 0, call.channels);
    call.out = floatsOf(object, "out", 0, call.tokens * call.channels);
    runConvolution(*Pool::from(info[0]).threads(), call);
    return info.Env().Undefined();
  });
}

Napi::Value recurHeads(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Pool& pool = Pool::from(info[0]);
    const Napi::Object object = toObject(info[1], "call");
    Recurrence call{};
    call.tokens = sizeOf(object, "tokens");
    call.heads = sizeOf(object, "heads");
    call.keyHeads = sizeOf(object, "keyHeads");
    call.keyDim = sizeOf(object, "keyDim");
    call.valueDim = sizeOf(object, "valueDim");
    if (call.heads % call.keyHeads != 0) failUsage("keyHeads must divide heads");
    if (call.keyDim > 65536 || call.valueDim > 65536 || call.heads > 65536) failUsage("a head is too large");
    call.tiled = toFlag(object.Get("tiled"), "tiled");
    call.delta = toFlag(object.Get("delta"), "delta");
    call.stride = sizeOf(object, "stride");
    call.queriesAt = countOf(object, "queriesAt");
    call.keysAt = countOf(object, "keysAt");
    call.valuesAt = countOf(object, "valuesAt");
    const uint64_t keys = call.keyHeads * call.keyDim;
    const uint64_t values = call.heads * call.valueDim;
    if (call.queriesAt > call.stride || call.keysAt > call.stride || call.valuesAt > call.stride) {
      failUsage("the inputs' rows are too short");
    }
    const uint64_t columns = std::max(std::max(call.queriesAt, call.keysAt) + keys, call.valuesAt + values);
    call.inputs = rowsOf(object, call.tokens, call.stride, columns);
    const uint64_t offset = countOf(object, "stateAt");
    call.from = requiredFloats(object, "from", offset, values * call.keyDim);
    call.to = requiredFloats(object, "to", offset, values * call.keyDim);
    call.decays = requiredFloats(object, "decays", 0, call.tokens * call.heads);
    call.weights = requiredFloats(object, "weights", 0, call.tokens * call.heads);
    call.out = floatsOf(object, "out", 0, call.tokens * values);
    runRecurrence(*pool.threads(), pool.kernels(), call);
    return info.Env().Undefined();
  });
}

}  // namespace flashrow
