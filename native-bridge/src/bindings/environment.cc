#include <cstdlib>
#include <string>

#include "bindings/arguments.h"
#include "bindings/bindings.h"

namespace flashrow {

Napi::Value setEnvironmentVariable(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    if (!info[0].IsString() || !info[1].IsString()) failUsage("a variable's name and value must be strings");
    const std::string name = info[0].As<Napi::String>(), value = info[1].As<Napi::String>();
#ifdef _WIN32
    const int failed = _putenv_s(name.c_str(), value.c_str());
#else
    const int failed = setenv(name.c_str(), value.c_str(), 1);
#endif
    if (failed != 0) failUsage("no environment variable can be named " + name);
    return info.Env().Undefined();
  });
}

}  // namespace flashrow
