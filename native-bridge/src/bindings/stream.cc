#include "bindings/bindings.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/holder.h"
#include "bindings/pool.h"
#include "stream/stream.h"

namespace flashrow {
namespace {

Part toPart(const Napi::Value& value, const char* name) {
  const Napi::Object part = toObject(value, name);
  return {static_cast<uint32_t>(std::min<uint64_t>(countOf(part, "extent"), UINT32_MAX)), countOf(part, "offset")};
}

/** `Places` of contract/bundle-geometry.ts; undefined for none. */
std::vector<Place> toPlaces(const Napi::Value& value) {
  std::vector<Place> places;
  if (value.IsUndefined()) return places;
  const Napi::Object object = toObject(value, "places");
  const auto files = toIds(object.Get("files"), 1, "files");
  const auto offsets = toSpan<double>(object.Get("offsets"), napi_float64_array, 1, "offsets", "Float64Array");
  if (files.length != offsets.length) failUsage("places need a file and an offset each");
  for (size_t i = 0; i < files.length; i++) {
    const double offset = offsets.data[i];
    if (!(offset >= 0 && offset <= 9007199254740991.0)) failUsage("a bundle's place is no offset in a file");
    places.push_back({files.data[i], static_cast<uint64_t>(offset)});
  }
  return places;
}

void readExtents(const Napi::Object& object, LayerOptions& layer) {
  const Napi::Array extents = toArray(object.Get("extents"), "extents");
  for (uint32_t i = 0; i < extents.Length(); i++) {
    const Napi::Object extent = toObject(extents.Get(i), "extent");
    layer.extents.push_back({static_cast<uint32_t>(std::min<uint64_t>(countOf(extent, "file"), UINT32_MAX)),
                             countOf(extent, "offset"), countOf(extent, "bytes"), countOf(extent, "stride"),
                             toPlaces(extent.Get("places"))});
  }
  if (!object.Get("gate").IsNull()) layer.gate = toPart(object.Get("gate"), "gate");
  layer.up = toPart(object.Get("up"), "up");
  layer.down = toPart(object.Get("down"), "down");
}

void readSegments(const Napi::Object& object, LayerOptions& layer) {
  const Napi::Array segments = toArray(object.Get("segments"), "segments");
  for (uint32_t i = 0; i < segments.Length(); i++) {
    const Napi::Object segment = toObject(segments.Get(i), "segment");
    const Part place = toPart(segment, "segment");
    layer.segments.push_back({place.extent, place.offset, countOf(segment, "bytes")});
  }
  if (!object.Get("checksums").IsNull()) layer.checksums = copied(toIds(object.Get("checksums"), 0, "checksums"));
}

void readSlots(const Napi::Object& object, LayerOptions& layer) {
  layer.arenaOffset = countOf(object, "arenaOffset");
  layer.slots = countOf(object, "slots");
  if (layer.slots > UINT32_MAX) failUsage("too many slots");
  const Napi::Array areas = toArray(object.Get("areas"), "areas");
  for (uint32_t i = 0; i < areas.Length(); i++) {
    const Napi::Object area = toObject(areas.Get(i), "area");
    layer.areas.push_back({countOf(area, "skip"), countOf(area, "offset"), toFlag(area.Get("shifts"), "shifts")});
  }
  layer.slotBytes = countOf(object, "slotBytes");
}

std::vector<float> toBiases(const Napi::Value& value, size_t numNeurons, const char* name) {
  if (value.IsNull()) return {};
  const float* values = toFloats(value, numNeurons, name);
  return std::vector<float>(values, values + numNeurons);
}

std::vector<float> toFactors(const Napi::Value& value, const char* name) {
  if (value.IsNull()) return {};
  const Span<float> factors = toSpan<float>(value, napi_float32_array, 1, name, "Float32Array");
  return std::vector<float>(factors.data, factors.data + factors.length);
}

/** The other half is `nativeLayer` in addon/stream.ts. */
LayerOptions toLayer(const Napi::Object& object) {
  LayerOptions layer{};
  layer.hiddenSize = countOf(object, "hiddenSize");
  layer.numNeurons = countOf(object, "numNeurons");
  layer.neuronsPerBundle = countOf(object, "neuronsPerBundle");
  layer.bundlesPerUnit = countOf(object, "bundlesPerUnit");
  layer.activation = activationOf(object, "activation");
  layer.activationLimit = toFloats(object.Get("activationLimit"), 1, "activationLimit")[0];
  if (!object.Get("gateFormat").IsNull()) layer.gateFormat = formatOf(object.Get("gateFormat"), "gateFormat");
  layer.upFormat = formatOf(object.Get("upFormat"), "upFormat");
  layer.downFormat = formatOf(object.Get("downFormat"), "downFormat");
  const uint64_t orientation = countOf(object, "downOrientation");
  if (orientation > static_cast<uint64_t>(DownOrientation::Apart)) failUsage("unknown orientation of down");
  layer.downOrientation = static_cast<DownOrientation>(orientation);
  layer.outputsPerBundle = countOf(object, "outputsPerBundle");
  readExtents(object, layer);
  readSegments(object, layer);
  const uint64_t residentPart = countOf(object, "residentPart");
  if (residentPart > static_cast<uint64_t>(InputPart::Up)) failUsage("unknown resident part");
  layer.residentPart = static_cast<InputPart>(residentPart);
  layer.gateBias = toBiases(object.Get("gateBias"), layer.numNeurons, "gateBias");
  layer.upBias = toBiases(object.Get("upBias"), layer.numNeurons, "upBias");
  layer.gateFactors = toFactors(object.Get("gateFactors"), "gateFactors");
  layer.upFactors = toFactors(object.Get("upFactors"), "upFactors");
  layer.downFactors = toFactors(object.Get("downFactors"), "downFactors");
  readSlots(object, layer);
  return layer;
}

MatrixOptions toMatrix(const Napi::Object& object) {
  MatrixOptions matrix{};
  matrix.file = static_cast<uint32_t>(std::min<uint64_t>(countOf(object, "file"), UINT32_MAX));
  matrix.offset = countOf(object, "offset");
  matrix.rows = countOf(object, "rows");
  matrix.columns = countOf(object, "columns");
  matrix.format = formatOf(object.Get("format"), "format");
  matrix.rowsPerUnit = countOf(object, "rowsPerUnit");
  if (!object.Get("checksum").IsNull()) matrix.checksum = static_cast<uint32_t>(countOf(object, "checksum"));
  matrix.slotBytes = countOf(object, "slotBytes");
  return matrix;
}

class Stream : public Holder<Stream, RowStream> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Stream",
                       {InstanceAccessor<&Stream::direct>("direct"), InstanceMethod<&Stream::request>("request"),
                        InstanceMethod<&Stream::extend>("extend"), InstanceMethod<&Stream::startRing>("startRing"),
                        InstanceMethod<&Stream::seekRing>("seekRing"), InstanceMethod<&Stream::ffn>("ffn"),
                        InstanceMethod<&Stream::multiply>("multiply"), InstanceMethod<&Stream::counters>("counters"),
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
      options.filledAtOnce = toFlag(object.Get("filledAtOnce"), "filledAtOnce");
      std::vector<LayerOptions> layers;
      const Napi::Array list = toArray(object.Get("layers"), "layers");
      for (uint32_t i = 0; i < list.Length(); i++) layers.push_back(toLayer(toObject(list.Get(i), "layer")));
      std::vector<MatrixOptions> matrices;
      const Napi::Array others = toArray(object.Get("matrices"), "matrices");
      for (uint32_t i = 0; i < others.Length(); i++) matrices.push_back(toMatrix(toObject(others.Get(i), "matrix")));
      native_ = std::make_unique<RowStream>(pool.threads(), pool.kernels(), options, std::move(layers), matrices);
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

  void extend(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const Napi::Array list = toArray(info[1], "layers");
      std::vector<MoreSlots> layers;
      for (uint32_t i = 0; i < list.Length(); i++) {
        const Napi::Object layer = toObject(list.Get(i), "layer");
        layers.push_back({countOf(layer, "arenaOffset"), countOf(layer, "slots")});
        if (layers.back().slots > UINT32_MAX) failUsage("too many slots");
      }
      stream.extend(toCount(info[0], "arenaBytes"), layers);
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

  /** Takes the fields of a FeedForwardCall in their order; addon/stream.ts says why. */
  void ffn(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      FeedForwardCall call{};
      call.layer = toCount(info[0], "layer");
      const Layer& layer = stream.layer(call.layer);
      call.count = toCount(info[3], "count");
      call.tokens = toCount(info[5], "tokens");
      const size_t values = elements(call.tokens, layer.hiddenSize);
      call.units = toIds(info[1], call.count, "units").data;
      call.slots = toIds(info[2], call.count, "slots").data;
      call.x = toFloats(info[4], values, "x");
      if (layer.residentPart != InputPart::None) {
        call.residentProducts = toFloats(info[6], elements(call.tokens, layer.numNeurons), "residentProducts");
      } else if (!info[6].IsNull()) {
        failUsage("layer " + std::to_string(call.layer) + " has no resident part; residentProducts must be null");
      }
      if (!info[7].IsNull()) call.weights = toFloats(info[7], elements(call.tokens, call.count), "weights");
      call.y = toFloats(info[8], values, "y");
      call.accumulate = toFlag(info[9], "accumulate");
      stream.ffn(call);
    });
  }

  void multiply(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const size_t index = toCount(info[0], "matrix");
      const StreamedMatrix& matrix = stream.matrix(index);
      const uint64_t tokens = toCount(info[2], "tokens");
      const float* x = toFloats(info[1], elements(tokens, matrix.columns()), "x");
      stream.multiply(index, x, tokens, toFloats(info[3], elements(tokens, matrix.rows()), "y"));
    });
  }

  void counters(const Napi::CallbackInfo& info) {
    with(info, [&](RowStream& stream) {
      const auto counters = stream.counters();
      const Span<double> into =
          toSpan<double>(info[0], napi_float64_array, counters.size(), "counters", "Float64Array");
      std::copy(counters.begin(), counters.end(), into.data);
    });
  }
};

}  // namespace

Napi::Function defineStream(Napi::Env env) { return Stream::define(env); }

}  // namespace flashrow
