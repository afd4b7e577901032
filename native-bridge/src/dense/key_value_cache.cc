#include "dense/key_value_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "failure.h"

namespace flashrow {

/** Queries that share one pass over keys and values. */
static constexpr size_t kTileQueries = 32;
/** Memory is taken for so many of the system's pages at once, at least: of what is rounded up to them, little is lost. */
static constexpr size_t kRunSystemPages = 32;

KeyValueCache::KeyValueCache(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const KeyValueCacheOptions& options)
    : pool_(std::move(pool)),
      kernels_(kernels),
      options_(options),
      valueBytes_(traitsOf(options.format).blockBytes),
      layers_(options.numLayers),
      scratch_(pool_->size()) {
  const auto& o = options_;
  if (o.numAttentionHeads == 0 || o.numKeyValueHeads == 0 || o.headDim == 0) failUsage("a cache needs heads and a headDim");
  if (o.numAttentionHeads % o.numKeyValueHeads != 0) failUsage("numKeyValueHeads must divide numAttentionHeads");
  if (!o.windows.empty() && o.windows.size() != o.numLayers) failUsage("windows needs one entry per layer");
  if (!o.sinks.empty() && o.sinks.size() != o.numLayers * o.numAttentionHeads) failUsage("sinks needs one entry per layer and head");
  if (!(o.softCap >= 0 && std::isfinite(o.softCap))) failUsage("softCap is a number above 0");
  pagesPerRun_ = (kRunSystemPages * systemPageBytes() - 1) / pageBytes() + 1;
  for (size_t layer = 0; layer < o.numLayers; layer++) {
    if (!o.windows.empty()) layers_[layer].window = o.windows[layer];
    if (!o.sinks.empty()) layers_[layer].sinks = options_.sinks.data() + layer * o.numAttentionHeads;
  }
}

size_t KeyValueCache::bytes() const {
  size_t pages = 0;
  for (const PerLayer& layer : layers_) pages += layer.numPages;
  return pages * pageBytes();
}

KeyValueCache::PerLayer& KeyValueCache::checked(size_t layer, size_t position, size_t tokens) {
  if (layer >= layers_.size()) failUsage("there is no layer " + std::to_string(layer) + " in this cache");
  if (position > options_.contextSize || tokens > options_.contextSize - position) {
    failUsage("positions up to " + std::to_string(position + tokens) + " reach past the context of " + std::to_string(options_.contextSize));
  }
  return layers_[layer];
}

size_t KeyValueCache::pageBytes() const {
  const size_t heads = 2 * options_.numKeyValueHeads;
  return vectorsOf(heads) + (scaled() ? heads * kPagePositions * sizeof(float) : 0);
}

uint8_t* KeyValueCache::pageAt(const PerLayer& layer, size_t position) const {
  const size_t page = position / kPagePositions;
  return layer.runs[page / pagesPerRun_].data() + page % pagesPerRun_ * pageBytes();
}

void KeyValueCache::resize(PerLayer& layer, size_t numPages) {
  const size_t runs = (numPages + pagesPerRun_ - 1) / pagesPerRun_;
  if (layer.runs.size() > runs) layer.runs.resize(runs);
  while (layer.runs.size() < runs) layer.runs.emplace_back(pagesPerRun_ * pageBytes());
  layer.numPages = numPages;
}

float* KeyValueCache::keyScales(uint8_t* page, size_t head) const {
  if (!scaled()) return nullptr;
  return reinterpret_cast<float*>(page + vectorsOf(2 * options_.numKeyValueHeads)) + head * kPagePositions;
}

/** Integers such that the largest becomes 32767, rounded to nearest even; returns what to multiply them by (NaN: a value is not finite). */
static float toIntegers(const float* from, size_t count, int16_t* into) {
  float largest = 0;
  float finite = 0;
  for (size_t i = 0; i < count; i++) {
    largest = std::max(largest, std::abs(from[i]));
    finite += from[i] * 0;
  }
  const float scale = largest / 32767;
  // Below the normal numbers a scale is too coarse to keep the quotients within 16 bits.
  if (finite != 0 || scale < std::numeric_limits<float>::min()) {
    std::fill(into, into + count, int16_t{0});
    return finite != 0 ? std::numeric_limits<float>::quiet_NaN() : 0;
  }
  for (size_t i = 0; i < count; i++) {
    // Added to 1.5 * 2^23, a float's lowest bits are the integer.
    const float shifted = from[i] / scale + 12582912.0f;
    int32_t bits;
    std::memcpy(&bits, &shifted, 4);
    into[i] = static_cast<int16_t>(bits - 0x4b400000);
  }
  return scale;
}

void KeyValueCache::store(const float* from, uint8_t* into, float* scale) const {
  if (scale != nullptr) {
    *scale = toIntegers(from, options_.headDim, reinterpret_cast<int16_t*>(into));
  } else {
    std::memcpy(into, from, rowBytes());
  }
}

void KeyValueCache::append(size_t index, size_t position, size_t tokens, const float* k, const float* v) {
  PerLayer& layer = checked(index, position, tokens);
  if (position > layer.length) {
    failUsage("position " + std::to_string(position) + " does not follow the " + std::to_string(layer.length) + " held");
  }
  resize(layer, std::max(layer.numPages, pagesOf(position + tokens)));
  for (size_t t = 0; t < tokens; t++) {
    uint8_t* const page = pageAt(layer, position + t);
    const size_t within = (position + t) % kPagePositions;
    for (size_t head = 0; head < options_.numKeyValueHeads; head++) {
      const size_t from = t * keyValueSize() + head * options_.headDim;
      store(k + from, keys(page, head) + within * rowBytes(), scaled() ? keyScales(page, head) + within : nullptr);
      store(v + from, values(page, head) + within * rowBytes(), scaled() ? valueScales(page, head) + within : nullptr);
    }
  }
  layer.length = std::max(layer.length, position + tokens);
}

void KeyValueCache::attend(size_t index, size_t position, size_t tokens, const float* q, float* out) {
  const PerLayer& layer = checked(index, position, tokens);
  if (position + tokens > layer.length) {
    failUsage("attention over " + std::to_string(position + tokens) + " positions, of which " + std::to_string(layer.length) + " are held");
  }
  const size_t group = options_.numAttentionHeads / options_.numKeyValueHeads;
  const size_t tileTokens = std::max<size_t>(1, kTileQueries / group);
  const size_t steps = (tokens + tileTokens - 1) / tileTokens;
  const size_t threads = threadsFor(*pool_, 2 * (position + tokens) * keyValueSize() * valueBytes_, tokens);
  // With fewer tiles than threads, heads that share keys are taken one by one.
  const size_t tileHeads = steps * options_.numKeyValueHeads < threads ? 1 : group;
  const size_t tiles = steps * options_.numAttentionHeads / tileHeads;
  const size_t tileQueries = std::min(tileTokens, tokens) * tileHeads;
  for (size_t thread = 0; thread < threads; thread++) {
    const size_t needed = tileQueries * (position + tokens + 1 + 2 * options_.headDim);
    if (scratch_[thread].size() < needed) scratch_[thread].resize(needed);
  }
  pool_->run(threads, [&](size_t thread, size_t numThreads) {
    for (size_t i = thread; i < tiles; i += numThreads) {
      // Later tokens see more: neighbouring tiles of one step go to different threads.
      const size_t token = i / (options_.numAttentionHeads / tileHeads) * tileTokens;
      const size_t head = i % (options_.numAttentionHeads / tileHeads) * tileHeads;
      attendTile(layer, {head / group, head, tileHeads, token, std::min(tileTokens, tokens - token)}, position, q, out, thread);
    }
  });
}

static void multiply(float* values, const float* factors, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] *= factors[i];
}

/** Of scores yet to be scaled, such that what comes of scaling is capped. */
static void cap(float* scores, size_t count, float scale, float softCap) {
  for (size_t i = 0; i < count; i++) scores[i] = std::tanh(scores[i] * scale / softCap) * softCap / scale;
}

void KeyValueCache::attendTile(const PerLayer& layer, const Tile& tile, size_t position, const float* q, float* out, size_t thread) {
  const size_t headDim = options_.headDim;
  const size_t headBytes = headDim * sizeof(float);
  const size_t length = position + tile.token + tile.tokens;
  const size_t count = tile.heads * tile.tokens;
  const float scale = 1 / std::sqrt(static_cast<float>(headDim));
  // One more than positions: where a sink goes.
  const size_t stride = length + 1;
  const auto last = [&](size_t i) { return position + tile.token + i / tile.heads; };
  const auto first = [&](size_t i) { return layer.window == 0 || last(i) < layer.window ? 0 : last(i) + 1 - layer.window; };
  // Row i of each belongs to token tile.token + i / heads and head tile.head + i % heads.
  float* queries = scratch_[thread].data();
  float* sums = queries + count * headDim;
  float* scores = sums + count * headDim;
  const auto place = [&](size_t i) { return (tile.token + i / tile.heads) * querySize() + (tile.head + i % tile.heads) * headDim; };
  const auto eachPage = [&](const auto& visit) {
    for (size_t begin = first(0) / kPagePositions * kPagePositions; begin < length; begin += kPagePositions) {
      visit(pageAt(layer, begin), begin, std::min(kPagePositions, length - begin));
    }
  };

  for (size_t i = 0; i < count; i++) std::memcpy(queries + i * headDim, q + place(i), headBytes);
  std::memset(sums, 0, count * headBytes);
  eachPage([&](uint8_t* page, size_t begin, size_t positions) {
    kernels_.dots(options_.format, Rows{keys(page, tile.keyValueHead), rowBytes(), nullptr}, positions, headDim, queries, headDim, count,
                  Products{scores + begin, stride}, pool_->scratch(thread));
    if (!scaled()) return;
    const float* scales = keyScales(page, tile.keyValueHead);
    for (size_t i = 0; i < count; i++) multiply(scores + i * stride + begin, scales, positions);
  });
  for (size_t i = 0; i < count; i++) {
    const size_t from = first(i);
    const size_t visible = last(i) + 1;
    float* row = scores + i * stride;
    if (options_.softCap > 0) cap(row + from, visible - from, scale, options_.softCap);
    const bool sink = layer.sinks != nullptr;
    if (sink) row[visible] = layer.sinks[tile.head + i % tile.heads] / scale;
    const float total = kernels_.exponentials(row + from, visible - from + (sink ? 1 : 0), scale);
    std::fill(row + visible, row + length, 0.0f);
    std::fill(row + first(0) / kPagePositions * kPagePositions, row + from, 0.0f);
    // The query has been used; its place keeps the sum.
    queries[i * headDim] = total;
  }
  eachPage([&](uint8_t* page, size_t begin, size_t positions) {
    if (scaled()) {
      // Only what is visible: a later value that is not finite must not reach an earlier token.
      const float* scales = valueScales(page, tile.keyValueHead);
      for (size_t i = 0; i < count; i++) {
        const size_t from = std::max(first(i), begin);
        const size_t to = std::min(last(i) + 1, begin + positions);
        if (to > from) multiply(scores + i * stride + from, scales + (from - begin), to - from);
      }
    }
    kernels_.addScaledRows(options_.format, Rows{values(page, tile.keyValueHead), rowBytes(), nullptr}, positions, scores + begin, stride,
                           0, headDim, sums, headDim, count, pool_->scratch(thread));
  });
  for (size_t i = 0; i < count; i++) {
    const float inverse = 1 / queries[i * headDim];
    for (size_t d = 0; d < headDim; d++) out[place(i) + d] = sums[i * headDim + d] * inverse;
  }
}

void KeyValueCache::truncate(size_t length) {
  for (PerLayer& layer : layers_) {
    layer.length = std::min(layer.length, length);
    resize(layer, std::min(layer.numPages, pagesOf(length)));
  }
}

}  // namespace flashrow
