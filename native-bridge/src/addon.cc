// The binding alone: arguments are taken apart and checked here, and nothing is computed. One environment's objects share nothing
// with another's, so that the addon may be loaded in any number of worker threads.

#include <napi.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "arena.h"
#include "crc32c.h"
#include "failure.h"
#include "kernels.h"
#include "key_value_cache.h"
#include "low_rank_trainer.h"
#include "matrix.h"
#include "probe.h"
#include "stream.h"
#include "thread_pool.h"

namespace flashrow {
namespace {

const char* codeName(Failure::Code code) {
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

uint64_t toCount(const Napi::Value& value, const std::string& name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740992.0 && number == std::floor(number))) failUsage(name + " must be a whole number");
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
  if (id > 255 || !isFormat(static_cast<int64_t>(id))) failUsage(std::string(name) + ": no kernel for format " + std::to_string(id));
  return static_cast<Format>(id);
}

template <class T>
struct Span {
  T* data;
  size_t length;
};

template <class T>
Span<T> toSpan(const Napi::Value& value, napi_typedarray_type type, size_t least, const std::string& name, const char* typeName) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) failUsage(name + " must be a " + typeName);
  auto array = value.As<Napi::TypedArrayOf<T>>();
  if (array.ElementLength() < least) {
    failUsage(name + " holds " + std::to_string(array.ElementLength()) + " elements, not " + std::to_string(least));
  }
  return {array.Data(), array.ElementLength()};
}

float* toFloats(const Napi::Value& value, size_t least, const std::string& name) {
  return toSpan<float>(value, napi_float32_array, least, name, "Float32Array").data;
}

Span<uint32_t> toIds(const Napi::Value& value, size_t least, const std::string& name) {
  return toSpan<uint32_t>(value, napi_uint32_array, least, name, "Uint32Array");
}

template <class T>
std::vector<T> copied(const Span<T>& span) {
  return std::vector<T>(span.data, span.data + span.length);
}

/** tokens * size, where the product is a possible array length. */
size_t elements(uint64_t tokens, size_t size) {
  if (size > 0 && tokens > (uint64_t{1} << 53) / size) failUsage("too many tokens");
  return tokens * size;
}

/** Instruction sets by name, best first. */
constexpr const char* kIsas[] = {"avx512", "avx2", "neon", "portable"};

/** Null where the set is unknown or not available here. */
const Kernels* kernelsOf(const std::string& isa) {
  return isa == "avx512"     ? avx512Kernels()
         : isa == "avx2"     ? avx2Kernels()
         : isa == "neon"     ? neonKernels()
         : isa == "portable" ? &portableKernels()
                             : nullptr;
}

/** The compute threads and kernels that everything made by one bridge shares. */
class Pool : public Napi::ObjectWrap<Pool> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Pool", {InstanceMethod<&Pool::dispose>("dispose")});
  }

  explicit Pool(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Pool>(info) {
    guarded(info.Env(), [&] {
      const std::string isa = toText(info[0], "isa");
      const uint64_t threads = toCount(info[1], "threads");
      if (threads == 0 || threads > 1024) failUsage("threads must be from 1 to 1024");
      kernels_ = kernelsOf(isa);
      if (kernels_ == nullptr) failUsage("the instruction set " + isa + " is not available here");
      pool_ = std::make_shared<ThreadPool>(threads);
    });
  }

  static Pool& from(const Napi::Value& value) {
    Pool* pool = Unwrap(toObject(value, "pool"));
    if (pool->pool_ == nullptr) failUsage("the bridge is disposed");
    return *pool;
  }

  const std::shared_ptr<ThreadPool>& threads() const { return pool_; }
  const Kernels& kernels() const { return *kernels_; }

 private:
  void dispose(const Napi::CallbackInfo&) {
    pool_.reset();
#ifdef __GLIBC__
    // What other libraries have freed meanwhile goes back to the system, too: glibc would keep it for threads that are gone.
    malloc_trim(0);
#endif
  }

  std::shared_ptr<ThreadPool> pool_;
  const Kernels* kernels_ = nullptr;
};

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

Part toPart(const Napi::Value& value, const char* name) {
  const Napi::Object part = toObject(value, name);
  return {static_cast<uint32_t>(std::min<uint64_t>(countOf(part, "extent"), UINT32_MAX)), countOf(part, "offset")};
}

/** See native.ts, which lays a StreamLayer out like this. */
LayerOptions toLayer(const Napi::Object& object) {
  LayerOptions layer{};
  layer.hiddenSize = countOf(object, "hiddenSize");
  layer.numNeurons = countOf(object, "numNeurons");
  layer.neuronsPerBundle = countOf(object, "neuronsPerBundle");
  layer.bundlesPerUnit = countOf(object, "bundlesPerUnit");
  const uint64_t activation = countOf(object, "activation");
  if (activation > static_cast<uint64_t>(Activation::ClampedSwiglu)) failUsage("unknown activation");
  layer.activation = static_cast<Activation>(activation);
  if (!object.Get("gateFormat").IsNull()) layer.gateFormat = formatOf(object.Get("gateFormat"), "gateFormat");
  layer.upFormat = formatOf(object.Get("upFormat"), "upFormat");
  layer.downFormat = formatOf(object.Get("downFormat"), "downFormat");
  layer.downByNeuron = toFlag(object.Get("downByNeuron"), "downByNeuron");
  const Napi::Array extents = toArray(object.Get("extents"), "extents");
  for (uint32_t i = 0; i < extents.Length(); i++) {
    const Napi::Object extent = toObject(extents.Get(i), "extent");
    layer.extents.push_back({static_cast<uint32_t>(std::min<uint64_t>(countOf(extent, "file"), UINT32_MAX)), countOf(extent, "offset"),
                             countOf(extent, "bytes"), countOf(extent, "stride")});
  }
  if (!object.Get("gate").IsNull()) layer.gate = toPart(object.Get("gate"), "gate");
  layer.up = toPart(object.Get("up"), "up");
  layer.down = toPart(object.Get("down"), "down");
  const Napi::Array segments = toArray(object.Get("segments"), "segments");
  for (uint32_t i = 0; i < segments.Length(); i++) {
    const Napi::Object segment = toObject(segments.Get(i), "segment");
    const Part place = toPart(segment, "segment");
    layer.segments.push_back({place.extent, place.offset, countOf(segment, "bytes")});
  }
  if (!object.Get("checksums").IsNull()) {
    const Span<uint32_t> checksums = toIds(object.Get("checksums"), 0, "checksums");
    layer.checksums.assign(checksums.data, checksums.data + checksums.length);
  }
  const uint64_t given = countOf(object, "given");
  if (given > static_cast<uint64_t>(Given::Up)) failUsage("unknown given part");
  layer.given = static_cast<Given>(given);
  const auto biases = [&](const char* name) {
    if (object.Get(name).IsNull()) return std::vector<float>();
    const float* values = toFloats(object.Get(name), layer.numNeurons, name);
    return std::vector<float>(values, values + layer.numNeurons);
  };
  layer.gateBias = biases("gateBias");
  layer.upBias = biases("upBias");
  layer.arenaOffset = countOf(object, "arenaOffset");
  layer.slots = countOf(object, "slots");
  if (layer.slots > UINT32_MAX) failUsage("too many slots");
  const Napi::Array areas = toArray(object.Get("areas"), "areas");
  for (uint32_t i = 0; i < areas.Length(); i++) {
    const Napi::Object area = toObject(areas.Get(i), "area");
    layer.areas.push_back({countOf(area, "skip"), countOf(area, "offset")});
  }
  layer.slotBytes = countOf(object, "slotBytes");
  return layer;
}

class Stream : public Holder<Stream, RowStream> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Stream",
                       {InstanceAccessor<&Stream::direct>("direct"), InstanceMethod<&Stream::request>("request"),
                        InstanceMethod<&Stream::startRing>("startRing"), InstanceMethod<&Stream::seekRing>("seekRing"),
                        InstanceMethod<&Stream::ffn>("ffn"), InstanceMethod<&Stream::counters>("counters"),
                        InstanceMethod("dispose", &Stream::dispose)});
  }

  explicit Stream(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "options");
      StreamOptions options{};
      const Napi::Array paths = toArray(object.Get("paths"), "paths");
      for (uint32_t i = 0; i < paths.Length(); i++) options.paths.push_back(toText(paths.Get(i), "path"));
      options.arenaBytes = countOf(object, "arenaBytes");
      options.readThreads = countOf(object, "readThreads");
      if (options.readThreads > 1024) failUsage("readThreads must be from 1 to 1024");
      options.direct = toFlag(object.Get("direct"), "direct");
      options.mergeGapBytes = countOf(object, "mergeGapBytes");
      std::vector<LayerOptions> layers;
      const Napi::Array list = toArray(object.Get("layers"), "layers");
      for (uint32_t i = 0; i < list.Length(); i++) layers.push_back(toLayer(toObject(list.Get(i), "layer")));
      native_ = std::make_unique<RowStream>(pool.threads(), pool.kernels(), options, std::move(layers));
    });
  }

 private:
  Napi::Value direct(const Napi::CallbackInfo& info) {
    return with(info, [&](RowStream& stream) { return Napi::Boolean::New(info.Env(), stream.direct()); });
  }

  void request(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const size_t count = toCount(info[3], "count");
      const uint32_t* units = toIds(info[1], count, "units").data;
      stream.request(toCount(info[0], "layer"), units, toIds(info[2], count, "slots").data, count);
    });
  }

  void startRing(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const uint64_t slots = toCount(info[1], "slots");
      if (slots > UINT32_MAX) failUsage("too many ring slots");
      const Span<uint32_t> schedule = toIds(info[2], 0, "schedule");
      if (schedule.length % 2 != 0) failUsage("the schedule holds pairs of layer and unit");
      stream.startRing(toCount(info[0], "arenaOffset"), slots, schedule.data, schedule.length / 2);
    });
  }

  void seekRing(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) { stream.seekRing(toCount(info[0], "index")); });
  }

  void ffn(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const size_t index = toCount(info[0], "layer");
      const Layer& layer = stream.layer(index);
      const size_t count = toCount(info[3], "count");
      const uint64_t tokens = toCount(info[5], "tokens");
      const size_t hidden = elements(tokens, layer.hiddenSize);
      const uint32_t* units = toIds(info[1], count, "units").data;
      const uint32_t* slots = toIds(info[2], count, "slots").data;
      const float* x = toFloats(info[4], hidden, "x");
      const float* given = nullptr;
      if (layer.given != Given::None) {
        given = toFloats(info[6], elements(tokens, layer.numNeurons), "given");
      } else if (!info[6].IsNull()) {
        failUsage("the layer takes no given products; pass null");
      }
      const bool weighed = !info[9].IsUndefined() && !info[9].IsNull();
      const float* weights = weighed ? toFloats(info[9], elements(tokens, count), "weights") : nullptr;
      float* y = toFloats(info[7], hidden, "y");
      stream.ffn(index, units, slots, count, x, tokens, given, weights, y, toFlag(info[8], "accumulate"));
    });
  }

  void counters(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const auto counters = stream.counters();
      const Span<double> into = toSpan<double>(info[0], napi_float64_array, counters.size(), "counters", "Float64Array");
      std::copy(counters.begin(), counters.end(), into.data);
    });
  }
};

class Matrix : public Holder<Matrix, ResidentMatrix> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Matrix",
                       {InstanceAccessor<&Matrix::bytes>("bytes"), InstanceMethod<&Matrix::matmul>("matmul"),
                        InstanceMethod<&Matrix::row>("row"), InstanceMethod<&Matrix::checksum>("checksum"),
                        InstanceMethod("dispose", &Matrix::dispose)});
  }

  explicit Matrix(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "source");
      const MatrixSource source{toText(object.Get("path"), "path"), countOf(object, "offset"), countOf(object, "rowStride"),
                                countOf(object, "rows"), countOf(object, "columns"), formatOf(object.Get("format"), "format")};
      native_ = std::make_unique<ResidentMatrix>(pool.threads(), pool.kernels(), source);
    });
  }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), native_ == nullptr ? 0 : static_cast<double>(native_->bytes()));
  }

  void matmul(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t tokens = toCount(info[1], "tokens");
      const float* x = toFloats(info[0], elements(tokens, matrix.columns()), "x");
      matrix.matmul(x, tokens, toFloats(info[2], elements(tokens, matrix.rows()), "y"));
    });
  }

  void row(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t index = toCount(info[0], "index");
      if (index >= matrix.rows()) failUsage("a matrix of " + std::to_string(matrix.rows()) + " rows has no row " + std::to_string(index));
      matrix.row(index, toFloats(info[1], matrix.columns(), "into"));
    });
  }

  Napi::Value checksum(const Napi::CallbackInfo& info) {
    uint32_t sum = 0;
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t first = toCount(info[0], "firstRow");
      const uint64_t count = toCount(info[1], "rows");
      if (first > matrix.rows() || count > matrix.rows() - first) {
        failUsage("a matrix of " + std::to_string(matrix.rows()) + " rows has no " + std::to_string(count) + " from row " + std::to_string(first));
      }
      sum = matrix.checksum(first, count);
    });
    return Napi::Number::New(info.Env(), sum);
  }
};

Format keptFormat(const Napi::Value& value) {
  const std::string name = toText(value, "format");
  if (name != "i16" && name != "f32") failUsage("keys and values are kept in i16 or f32, not " + name);
  return name == "i16" ? Format::I16 : Format::F32;
}

/** NaN where it is not a number. */
float toFloat(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().FloatValue() : NAN; }

class Cache : public Holder<Cache, KeyValueCache> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Cache",
                       {InstanceAccessor<&Cache::bytes>("bytes"), InstanceMethod<&Cache::append>("append"),
                        InstanceMethod<&Cache::attend>("attend"), InstanceMethod<&Cache::truncate>("truncate"),
                        InstanceMethod("dispose", &Cache::dispose)});
  }

  explicit Cache(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "options");
      const KeyValueCacheOptions options{countOf(object, "numLayers"), countOf(object, "numAttentionHeads"), countOf(object, "numKeyValueHeads"),
                                         countOf(object, "headDim"), countOf(object, "contextSize"), keptFormat(object.Get("format")),
                                         copied(toIds(object.Get("windows"), 0, "windows")),
                                         copied(toSpan<float>(object.Get("sinks"), napi_float32_array, 0, "sinks", "Float32Array")),
                                         toFloat(object.Get("softCap"))};
      constexpr size_t kMost = 1 << 20;
      if (options.numLayers > kMost || options.numAttentionHeads > kMost || options.headDim > kMost) failUsage("a cache's sizes must be below 2^20");
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
      cache.append(toCount(info[0], "layer"), toCount(info[1], "position"), tokens, toFloats(info[3], size, "k"), toFloats(info[4], size, "v"));
    });
  }

  void attend(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) {
      const uint64_t tokens = toCount(info[2], "tokens");
      const size_t size = elements(tokens, cache.querySize());
      cache.attend(toCount(info[0], "layer"), toCount(info[1], "position"), tokens, toFloats(info[3], size, "q"), toFloats(info[4], size, "out"));
    });
  }

  void truncate(const Napi::CallbackInfo& info) {
    with(info, [&](KeyValueCache& cache) { cache.truncate(toCount(info[0], "length")); });
  }
};

double numberOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) failUsage(std::string(name) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

/** See low-rank-trainer.ts. */
Napi::Value train(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Pool& pool = Pool::from(info[0]);
    const Napi::Object object = toObject(info[1], "step");
    LowRankStep step{};
    step.hiddenSize = countOf(object, "hiddenSize");
    step.numNeurons = countOf(object, "numNeurons");
    step.rank = countOf(object, "rank");
    step.a = toFloats(object.Get("a"), elements(3 * step.rank, step.hiddenSize), "a");
    step.b = toFloats(object.Get("b"), elements(3 * step.rank, step.numNeurons), "b");
    step.bias = toFloats(object.Get("bias"), elements(3, step.numNeurons), "bias");
    step.positiveWeight = numberOf(object, "positiveWeight");
    step.negativeWeight = numberOf(object, "negativeWeight");
    step.learningRate = numberOf(object, "learningRate");
    step.step = numberOf(object, "step");
    const uint64_t samples = toCount(info[4], "samples");
    const float* x = toFloats(info[2], elements(samples, step.hiddenSize), "x");
    const Span<uint8_t> active =
        toSpan<uint8_t>(info[3], napi_uint8_array, elements(samples, (step.numNeurons + 7) / 8), "active", "Uint8Array");
    return Napi::Number::New(info.Env(), trainLowRank(*pool.threads(), pool.kernels(), step, x, active.data, samples));
  });
}

/** See bridge.ts, countAgreements. */
Napi::Value agree(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Pool& pool = Pool::from(info[0]);
    const uint64_t rows = toCount(info[2], "rows"), columns = toCount(info[3], "columns"), tokens = toCount(info[5], "tokens");
    if (columns == 0) failUsage("signs of no columns");
    const size_t words = (columns + 31) / 32;
    const Span<uint32_t> signs = toIds(info[1], elements(rows, words), "signs");
    const Span<uint32_t> inputs = toIds(info[4], elements(tokens, words), "inputs");
    float* out = toFloats(info[6], elements(tokens, rows), "agreement");
    const Kernels& kernels = pool.kernels();
    ThreadPool& threads = *pool.threads();
    threads.run(threadsFor(threads, rows * words * 4, tokens), [&](size_t thread, size_t count) {
      const Share share(rows, 16, thread, count);
      if (share.begin == share.end) return;
      kernels.agreements(signs.data + share.begin * words, share.end - share.begin, words, columns, inputs.data, tokens, out + share.begin, rows);
    });
    return info.Env().Undefined();
  });
}

Napi::Value checksum(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Span<uint8_t> bytes = toSpan<uint8_t>(info[0], napi_uint8_array, 0, "bytes", "Uint8Array");
    return Napi::Number::New(info.Env(), crc32c(bytes.data, bytes.length, static_cast<uint32_t>(toCount(info[1], "seed"))));
  });
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const uint64_t threads = toCount(info[3], "readThreads");
    if (threads > 1024) failUsage("readThreads must be from 1 to 1024");
    const ReadProbe result = probeReads(toText(info[0], "path"), toCount(info[1], "recordBytes"), toCount(info[2], "totalBytes"), threads);
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("bytes", static_cast<double>(result.bytes));
    object.Set("seconds", result.seconds);
    object.Set("direct", result.direct);
    return object;
  });
}

Napi::Object load(Napi::Env env, Napi::Object exports) {
  exports.Set("Pool", Pool::define(env));
  exports.Set("Stream", Stream::define(env));
  exports.Set("Matrix", Matrix::define(env));
  exports.Set("Cache", Cache::define(env));
  exports.Set("trainLowRank", Napi::Function::New(env, train));
  exports.Set("countAgreements", Napi::Function::New(env, agree));
  exports.Set("crc32c", Napi::Function::New(env, checksum));
  exports.Set("probeReads", Napi::Function::New(env, probe));
  Napi::Array isas = Napi::Array::New(env);
  for (const char* isa : kIsas) {
    if (kernelsOf(isa) != nullptr) isas.Set(isas.Length(), isa);
  }
  exports.Set("isas", isas);
  exports.Set("systemPageBytes", Napi::Number::New(env, static_cast<double>(systemPageBytes())));
  return exports;
}

}  // namespace
}  // namespace flashrow

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return flashrow::load(env, exports); }

NODE_API_MODULE(flashrow, initialize)
