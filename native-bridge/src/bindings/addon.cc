// The objects of one environment share nothing with those of another: any number of worker threads may load the addon.

#include <napi.h>

#include "arena.h"
#include "bindings/pool.h"
#include "bindings/bindings.h"

namespace flashrow {

static Napi::Object load(Napi::Env env, Napi::Object exports) {
  exports.Set("Pool", Pool::define(env));
  exports.Set("Stream", defineStream(env));
  exports.Set("Matrix", defineMatrix(env));
  exports.Set("Cache", defineCache(env));
  exports.Set("TwoBitNetworks", defineTwoBitNetworks(env));
  exports.Set("trainLowRank", Napi::Function::New(env, trainLowRankStep));
  exports.Set("countAgreements", Napi::Function::New(env, countAgreements));
  exports.Set("convolve", Napi::Function::New(env, convolveColumns));
  exports.Set("recur", Napi::Function::New(env, recurHeads));
  exports.Set("crc32c", Napi::Function::New(env, checksumBytes));
  exports.Set("lockFile", Napi::Function::New(env, lockOpenFile));
  exports.Set("probeReads", Napi::Function::New(env, probeFile));
  exports.Set("recycleMemory", Napi::Function::New(env, recycleMemory));
  exports.Set("systemMemory", Napi::Function::New(env, systemMemory));
  exports.Set("setEnvironmentVariable", Napi::Function::New(env, setEnvironmentVariable));
  exports.Set("isas", availableIsas(env));
  exports.Set("memory", memoryConstants(env));
  exports.Set("systemPageBytes", Napi::Number::New(env, static_cast<double>(systemPageBytes())));
  return exports;
}

}  // namespace flashrow

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return flashrow::load(env, exports); }

NODE_API_MODULE(flashrow, initialize)
