#include "bindings/bindings.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/holder.h"
#include "bindings/pool.h"
#include "dense/key_value_cache.h"

namespace flashrow {
namespace {

Format keptFormat(const Napi::Value& value) {
  const std::string name = toText(value, "format");
  if (name == "i8") return Format::I8;
  if (name == "i16") return Format::I16;
  if (name != "f32") failUsage("keys and values are kept in i8, i16 or f32, not " + name);
  return Format::F32;
}

/** NaN where it is not a number. */
float toFloat(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().FloatValue() : NAN; }

class Cache : public Holder<Cache, KeyValueCache> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Cache",
        {InstanceAccessor<&Cache::bytes>("bytes"), InstanceMethod<&Cache::append>("append"),
         InstanceMethod<&Cache::attend>("attend"), InstanceMethod<&Cache::attendTogether>("attendTogether"),
         InstanceMethod<&Cache::truncate>("truncate"), InstanceMethod<&Cache::swap>("swap"),
         InstanceMethod<&Cache::drop>("drop"), InstanceMethod<&Cache::copy>("copy"),
         InstanceMethod<&Cache::savePage>("savePage"), InstanceMethod<&Cache::loadPage>("loadPage"),
         InstanceMethod("dispose", &Cache::dispose)});
  }

  explicit Cache(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "options");
      const KeyValueCacheOptions options{
          countOf(object, "numLayers"),
          countOf(object, "numAttentionHeads"),
          countOf(object, "numKeyValueHeads"),
          countOf(object, "headDim"),
          countOf(object, "contextSize"),
          keptFormat(object.Get("format")),
          copied(toIds(object.Get("windows"), 0, "windows")),
          copied(toSpan<float>(object.Get("sinks"), napi_float32_array, 0, "sinks", "Float32Array")),
          toFloat(object.Get("softCap")),
          countOf(object, "sharedValueDim"),
      };
      constexpr size_t kMost = 1 << 20;
      if (options.numLayers > kMost || options.numAttentionHeads > kMost || options.headDim > kMost) {
        failUsage("a cache's sizes must be below 2^20");
      }
      native_ = std::make_unique<KeyValueCache>(pool.threads(), pool.kernels(), options);
    });
  }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), native_ == nullptr ? 0 : static_cast<double>(native_->bytes()));
  }

  void append(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const uint64_t tokens = toCount(info[2], "tokens");
      const size_t size = elements(tokens, cache.keyValueSize());
      cache.append(toCount(info[0], "layer"), toCount(info[1], "position"), tokens, toFloats(info[3], size, "k"),
                   toFloats(info[4], cache.sharesValues() ? 0 : size, "v"));
    });
  }

  void attend(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const uint64_t tokens = toCount(info[2], "tokens");
      const uint64_t position = toCount(info[1], "position");
      const float* q = toFloats(info[3], elements(tokens, cache.querySize()), "q");
      float* out = toFloats(info[4], elements(tokens, cache.outputSize()), "out");
      const size_t blockSize = info[6].IsUndefined() ? 0 : toCount(info[6], "blockSize");
      if (blockSize == 0) {
        cache.attend(toCount(info[0], "layer"), position, tokens, q, out);
        return;
      }
      const size_t blocks = elements(tokens, (position + tokens + blockSize - 1) / blockSize);
      const auto seen = toSpan<uint8_t>(info[5], napi_uint8_array, blocks, "seen", "Uint8Array");
      cache.attend(toCount(info[0], "layer"), position, tokens, q, out, seen.data, blockSize);
    });
  }

  void attendTogether(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const uint64_t tokens = toCount(info[2], "tokens");
      cache.attend(toCount(info[0], "layer"), toCount(info[1], "position"), tokens,
                   toFloats(info[3], elements(tokens, cache.querySize()), "q"),
                   toFloats(info[4], elements(tokens, cache.outputSize()), "out"), nullptr, 1, true);
    });
  }

  void truncate(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) { cache.truncate(toCount(info[0], "layer"), toCount(info[1], "length")); });
  }

  void swap(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      cache.swap(toCount(info[0], "layer"), toCount(info[1], "one"), toCount(info[2], "other"));
    });
  }

  void drop(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      cache.drop(toCount(info[0], "layer"), toCount(info[1], "from"), toCount(info[2], "to"));
    });
  }

  void copy(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      cache.copy(toCount(info[0], "from"), toCount(info[1], "to"), toCount(info[2], "length"));
    });
  }

  void savePage(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const auto into = toSpan<uint8_t>(info[2], napi_uint8_array, cache.pageBytes(), "into", "Uint8Array");
      cache.savePage(toCount(info[0], "layer"), toCount(info[1], "page"), into.data);
    });
  }

  void loadPage(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const auto from = toSpan<uint8_t>(info[2], napi_uint8_array, cache.pageBytes(), "from", "Uint8Array");
      cache.loadPage(toCount(info[0], "layer"), toCount(info[1], "page"), from.data);
    });
  }
};

}  // namespace

Napi::Function defineCache(Napi::Env env) { return Cache::define(env); }

}  // namespace flashrow
