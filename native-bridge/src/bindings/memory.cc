#include "bindings/bindings.h"
#include "dense/key_value_cache.h"
#include "file.h"
#include "kernels/kernels.h"
#include "stream/feed_forward.h"

namespace flashrow {

Napi::Object memoryConstants(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, size_t value) {
    object.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("deviceBlock", kDeviceBlock);
  set("pagePositions", KeyValueCache::kPagePositions);
  set("tileQueries", KeyValueCache::kTileQueries);
  set("mostActivations", FeedForward::kMostActivations);
  set("integerBlockValues", kIntegerBlock);
  set("integerBlockBytes", kIntegerBlockBytes);
  return object;
}

}  // namespace flashrow
