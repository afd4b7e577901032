#include "bindings/pool.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <string>

#include "bindings/arguments.h"

namespace flashrow {

/** Instruction sets by name, best first. */
static constexpr const char* kIsas[] = {"avx512", "avx2", "neon", "portable"};

/** Null where the set is unknown or not available here. */
static const Kernels* kernelsOf(const std::string& isa) {
  return isa == "avx512"     ? avx512Kernels()
         : isa == "avx2"     ? avx2Kernels()
         : isa == "neon"     ? neonKernels()
         : isa == "portable" ? &portableKernels()
                             : nullptr;
}

Napi::Array availableIsas(Napi::Env env) {
  Napi::Array isas = Napi::Array::New(env);
  for (const char* isa : kIsas) {
    if (kernelsOf(isa) != nullptr) isas.Set(isas.Length(), isa);
  }
  return isas;
}

Napi::Function Pool::define(Napi::Env env) {
  return DefineClass(env, "Pool", {InstanceMethod<&Pool::dispose>("dispose")});
}

Pool::Pool(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Pool>(info) {
  guarded(info.Env(), [&] {
    const std::string isa = toText(info[0], "isa");
    const uint64_t threads = toCount(info[1], "threads");
    if (threads == 0 || threads > 1024) failUsage("threads must be from 1 to 1024");
    kernels_ = kernelsOf(isa);
    if (kernels_ == nullptr) failUsage("the instruction set " + isa + " is not available here");
    pool_ = std::make_shared<ThreadPool>(threads, kKernelScratchBytes);
  });
}

Pool& Pool::from(const Napi::Value& value) {
  Pool* pool = Unwrap(toObject(value, "pool"));
  if (pool->pool_ == nullptr) failUsage("the bridge is disposed");
  return *pool;
}

void Pool::dispose(const Napi::CallbackInfo&) {
  pool_.reset();
#ifdef __GLIBC__
  // Memory that other libraries have freed goes back to the system, too: glibc would keep it for threads that are gone.
  malloc_trim(0);
#endif
}

}  // namespace flashrow
