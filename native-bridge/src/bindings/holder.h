#pragma once

#include <napi.h>

#include <memory>

#include "bindings/arguments.h"
#include "failure.h"

namespace flashrow {

/** A JavaScript object that holds a native one until it is disposed of or collected. */
template <class Wrapper, class Native>
class Holder : public Napi::ObjectWrap<Wrapper> {
 public:
  explicit Holder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Wrapper>(info) {}

  void dispose(const Napi::CallbackInfo&) { native_.reset(); }

 protected:
  Native& native() const {
    if (native_ == nullptr) failUsage("used after dispose()");
    return *native_;
  }

  /** Runs body(native). */
  template <class Body>
  auto with(const Napi::CallbackInfo& info, const Body& body) {
    return guarded(info.Env(), [&] { return body(native()); });
  }

  std::unique_ptr<Native> native_;
};

}  // namespace flashrow
