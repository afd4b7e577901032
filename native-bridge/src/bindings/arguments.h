#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "failure.h"
#include "format.h"
#include "kernels/activation.h"

// Takes the arguments of a call from JavaScript apart and checks them. All of these throw Failure USAGE, which
// `guarded` hands on.

namespace flashrow {

Napi::Error toError(Napi::Env env, const Failure& failure);

/** Runs `body`; whatever it throws reaches JavaScript as an Error with `code` and `details`. */
template <class Body>
auto guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const Failure& failure) {
    throw toError(env, failure);
  } catch (const std::bad_alloc&) {
    throw toError(env, Failure(Failure::Code::Memory, "the process is out of memory"));
  } catch (const std::exception& error) {
    throw toError(env, Failure(Failure::Code::Usage, error.what()));
  }
}

uint64_t toCount(const Napi::Value& value, const std::string& name);
std::string toText(const Napi::Value& value, const std::string& name);
bool toFlag(const Napi::Value& value, const std::string& name);
Napi::Object toObject(const Napi::Value& value, const std::string& name);
Napi::Array toArray(const Napi::Value& value, const std::string& name);
uint64_t countOf(const Napi::Object& object, const char* name);
Format formatOf(const Napi::Value& value, const char* name);
Activation activationOf(const Napi::Object& object, const char* name);

template <class T>
struct Span {
  T* data;
  size_t length;
};

template <class T>
Span<T> toSpan(const Napi::Value& value, napi_typedarray_type type, size_t least, const std::string& name,
               const char* typeName) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    failUsage(name + " must be a " + typeName);
  }
  auto array = value.As<Napi::TypedArrayOf<T>>();
  if (array.ElementLength() < least) {
    failUsage(name + " holds " + std::to_string(array.ElementLength()) + " elements, not " + std::to_string(least));
  }
  return {array.Data(), array.ElementLength()};
}

float* toFloats(const Napi::Value& value, size_t least, const std::string& name);
Span<uint32_t> toIds(const Napi::Value& value, size_t least, const std::string& name);

template <class T>
std::vector<T> copied(const Span<T>& span) {
  return std::vector<T>(span.data, span.data + span.length);
}

/** tokens * size, where the product is a possible array length. */
size_t elements(uint64_t tokens, size_t size);

}  // namespace flashrow
