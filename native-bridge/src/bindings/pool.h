#pragma once

#include <napi.h>

#include <memory>

#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

/** Instruction sets that this build has kernels for and this processor runs, by name, best first. */
Napi::Array availableIsas(Napi::Env env);

/** The compute threads and kernels that everything made by one bridge shares. */
class Pool : public Napi::ObjectWrap<Pool> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit Pool(const Napi::CallbackInfo& info);

  /** Throws Failure USAGE where it is none, or disposed. */
  static Pool& from(const Napi::Value& value);

  const std::shared_ptr<ThreadPool>& threads() const { return pool_; }
  const Kernels& kernels() const { return *kernels_; }

 private:
  void dispose(const Napi::CallbackInfo& info);

  std::shared_ptr<ThreadPool> pool_;
  const Kernels* kernels_ = nullptr;
};

}  // namespace flashrow
