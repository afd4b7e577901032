#include <string>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment.h"
#include "memory_left.h"

namespace flashrow {

Napi::Value setEnvironmentVariable(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    if (!info[0].IsString() || !info[1].IsString()) failUsage("a variable's name and value must be strings");
    const std::string name = info[0].As<Napi::String>(), value = info[1].As<Napi::String>();
    if (!setVariable(name, value)) failUsage("no environment variable can be named " + name);
    return info.Env().Undefined();
  });
}

Napi::Value systemMemory(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::optional<MemoryLeft> left = memoryLeft();
    if (!left) return info.Env().Null();
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("availableBytes", static_cast<double>(left->available));
    object.Set("leftUnderLimit", left->underLimit
                                     ? Napi::Number::New(info.Env(), static_cast<double>(*left->underLimit))
                                     : info.Env().Null());
    return object;
  });
}

}  // namespace flashrow
