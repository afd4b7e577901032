#include <memory>
#include <string>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/holder.h"
#include "bindings/pool.h"
#include "dense/two_bit_networks.h"

namespace flashrow {
namespace {

class Networks : public Holder<Networks, TwoBitNetworks> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TwoBitNetworks",
                       {InstanceAccessor<&Networks::bytes>("bytes"), InstanceMethod<&Networks::run>("run"),
                        InstanceMethod("dispose", &Networks::dispose)});
  }

  explicit Networks(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "source");
      native_ = std::make_unique<TwoBitNetworks>(
          pool.threads(), pool.kernels(),
          TwoBitNetworksSource{toText(object.Get("path"), "path"), countOf(object, "offset"),
                               countOf(object, "hiddenSize"), toFlag(object.Get("gated"), "gated"),
                               activationOf(object, "activation"), countOf(object, "blocksPerLayer"),
                               copied(toIds(object.Get("blocks"), 1, "blocks"))});
    });
  }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), native_ == nullptr ? 0 : static_cast<double>(native_->bytes()));
  }

  void run(const Napi::CallbackInfo& info) {
    with(info, [&](TwoBitNetworks& networks) {
      const uint64_t layer = toCount(info[0], "layer");
      if (layer >= networks.numLayers()) failUsage("there is no layer " + std::to_string(layer));
      const float* x = toFloats(info[1], networks.hiddenSize(), "x");
      networks.run(layer, x, toFloats(info[2], networks.hiddenSize(), "y"));
    });
  }
};

}  // namespace

Napi::Function defineTwoBitNetworks(Napi::Env env) { return Networks::define(env); }

}  // namespace flashrow
