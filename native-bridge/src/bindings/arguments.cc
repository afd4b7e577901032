#include "bindings/arguments.h"

#include <cmath>

namespace flashrow {

static const char* codeName(Failure::Code code) {
  switch (code) {
    case Failure::Code::Corrupt: return "CORRUPT";
    case Failure::Code::Io: return "IO";
    case Failure::Code::Memory: return "MEMORY";
    case Failure::Code::Usage: return "USAGE";
  }
  return "USAGE";
}

Napi::Error toError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  Napi::Object details = Napi::Object::New(env);
  const FailureDetails& d = failure.details;
  if (!d.path.empty()) details.Set("path", d.path);
  if (d.offset >= 0) details.Set("offset", static_cast<double>(d.offset));
  if (d.layer >= 0) details.Set("layer", static_cast<double>(d.layer));
  if (d.bundle >= 0) details.Set("bundle", static_cast<double>(d.bundle));
  if (!d.errnoName.empty()) details.Set("errno", d.errnoName);
  error.Set("code", Napi::String::New(env, codeName(failure.code)));
  error.Set("details", details);
  return error;
}

uint64_t toCount(const Napi::Value& value, const std::string& name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740992.0 && number == std::floor(number))) {
    failUsage(name + " must be a whole number");
  }
  return static_cast<uint64_t>(number);
}

std::string toText(const Napi::Value& value, const std::string& name) {
  if (!value.IsString()) failUsage(name + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

bool toFlag(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) failUsage(name + " must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

Napi::Object toObject(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject()) failUsage(name + " must be an object");
  return value.As<Napi::Object>();
}

Napi::Array toArray(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) failUsage(name + " must be an array");
  return value.As<Napi::Array>();
}

uint64_t countOf(const Napi::Object& object, const char* name) { return toCount(object.Get(name), name); }

Format formatOf(const Napi::Value& value, const char* name) {
  const uint64_t id = toCount(value, name);
  if (id > 255 || !isFormat(static_cast<int64_t>(id))) {
    failUsage(std::string(name) + ": no kernel for format " + std::to_string(id));
  }
  return static_cast<Format>(id);
}

Activation activationOf(const Napi::Object& object, const char* name) {
  const uint64_t activation = countOf(object, name);
  if (activation > static_cast<uint64_t>(Activation::ClampedSilu)) failUsage("unknown activation");
  return static_cast<Activation>(activation);
}

float* toFloats(const Napi::Value& value, size_t least, const std::string& name) {
  return toSpan<float>(value, napi_float32_array, least, name, "Float32Array").data;
}

Span<uint32_t> toIds(const Napi::Value& value, size_t least, const std::string& name) {
  return toSpan<uint32_t>(value, napi_uint32_array, least, name, "Uint32Array");
}

size_t elements(uint64_t tokens, size_t size) {
  if (size > 0 && tokens > (uint64_t{1} << 53) / size) failUsage("too many tokens");
  return tokens * size;
}

}  // namespace flashrow
