#include "dense/key_value_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "failure.h"

namespace flashrow {

/** Memory is taken for at least this many system pages at once, so that rounding up to whole ones loses little. */
static constexpr size_t kRunSystemPages = 32;

KeyValueCache::KeyValueCache(std::shared_ptr<ThreadPool> pool, const Kernels& kernels,
                             const KeyValueCacheOptions& options)
    : pool_(std::move(pool)),
      kernels_(kernels),
      options_(options),
      valueBytes_(traitsOf(options.format).blockBytes),
      layers_(options.numLayers),
      scratch_(pool_->size()) {
  const auto& o = options_;
  if (o.numAttentionHeads == 0 || o.numKeyValueHeads == 0 || o.headDim == 0) {
    failUsage("a cache needs heads and a headDim");
  }
  if (o.numAttentionHeads % o.numKeyValueHeads != 0) failUsage("numKeyValueHeads must divide numAttentionHeads");
  if (!o.windows.empty() && o.windows.size() != o.numLayers) failUsage("windows needs one entry per layer");
  if (!o.sinks.empty() && o.sinks.size() != o.numLayers * o.numAttentionHeads) {
    failUsage("sinks needs one entry per layer and head");
  }
  if (o.sharedValueDim > o.headDim) failUsage("sharedValueDim is at most headDim");
  if (!(o.softCap >= 0 && std::isfinite(o.softCap))) failUsage("softCap is a number above 0");
  pagesPerRun_ = (kRunSystemPages * systemPageBytes() - 1) / pageBytes() + 1;
  for (size_t layer = 0; layer < o.numLayers; layer++) {
    if (!o.windows.empty()) layers_[layer].window = o.windows[layer];
    if (!o.sinks.empty()) layers_[layer].sinks = options_.sinks.data() + layer * o.numAttentionHeads;
  }
}

size_t KeyValueCache::bytes() const {
  size_t pages = 0;
  for (const PerLayer& layer : layers_) {
    for (const Page& page : layer.pages) pages += page.data != nullptr;
  }
  return pages * pageBytes();
}

KeyValueCache::PerLayer& KeyValueCache::checked(size_t layer, size_t position, size_t tokens) {
  if (layer >= layers_.size()) failUsage("there is no layer " + std::to_string(layer) + " in this cache");
  if (position > options_.contextSize || tokens > options_.contextSize - position) {
    failUsage("positions up to " + std::to_string(position + tokens) + " reach past the context of " +
              std::to_string(options_.contextSize));
  }
  return layers_[layer];
}

size_t KeyValueCache::pageBytes() const {
  const size_t heads = keptHeads();
  return vectorsOf(heads) + (scaled() ? heads * kPagePositions * sizeof(float) : 0);
}

void KeyValueCache::take(PerLayer& layer, size_t page) {
  if (layer.pages.size() <= page) layer.pages.resize(page + 1);
  size_t index = 0;
  while (index < layer.runs.size() && layer.runs[index].free.empty()) index++;
  if (index == layer.runs.size()) {
    Run run;
    for (size_t place = pagesPerRun_; place-- > 0;) run.free.push_back(static_cast<uint32_t>(place));
    layer.runs.push_back(std::move(run));
  }
  Run& run = layer.runs[index];
  if (run.memory.data() == nullptr) run.memory = Arena(pagesPerRun_ * pageBytes());
  const uint32_t place = run.free.back();
  run.free.pop_back();
  layer.pages[page] = {run.memory.data() + place * pageBytes(), static_cast<uint32_t>(index), place};
}

void KeyValueCache::release(PerLayer& layer, size_t page) {
  if (!holds(layer, page)) return;
  Run& run = layer.runs[layer.pages[page].run];
  run.free.push_back(layer.pages[page].place);
  layer.pages[page] = {};
  if (run.free.size() == pagesPerRun_) run.memory = Arena();
}

float* KeyValueCache::keyScales(uint8_t* page, size_t head) const {
  if (!scaled()) return nullptr;
  return reinterpret_cast<float*>(page + vectorsOf(keptHeads())) + head * kPagePositions;
}

/**
 * Rounds to integers, nearest even, so that the largest becomes the largest of its type. Returns the factor that makes
 * them values again; NaN where a value is not finite.
 */
template <class Integer>
static float toIntegers(const float* from, size_t count, Integer* into) {
  float largest = 0;
  float finite = 0;
  for (size_t i = 0; i < count; i++) {
    largest = std::max(largest, std::abs(from[i]));
    finite += from[i] * 0;
  }
  const float scale = largest / std::numeric_limits<Integer>::max();
  // Below the normal numbers a scale is too coarse to keep the quotients within the type.
  if (finite != 0 || scale < std::numeric_limits<float>::min()) {
    std::fill(into, into + count, Integer{0});
    return finite != 0 ? std::numeric_limits<float>::quiet_NaN() : 0;
  }
  for (size_t i = 0; i < count; i++) {
    // Added to 1.5 * 2^23, a float's lowest bits are the integer.
    const float shifted = from[i] / scale + 12582912.0f;
    int32_t bits;
    std::memcpy(&bits, &shifted, 4);
    into[i] = static_cast<Integer>(bits - 0x4b400000);
  }
  return scale;
}

void KeyValueCache::store(const float* from, uint8_t* into, float* scale) const {
  if (options_.format == Format::I16) {
    *scale = toIntegers(from, options_.headDim, reinterpret_cast<int16_t*>(into));
  } else if (options_.format == Format::I8) {
    *scale = toIntegers(from, options_.headDim, reinterpret_cast<int8_t*>(into));
  } else {
    std::memcpy(into, from, rowBytes());
  }
}

void KeyValueCache::append(size_t index, size_t position, size_t tokens, const float* k, const float* v) {
  PerLayer& layer = checked(index, position, tokens);
  if (position > layer.length) {
    failUsage("position " + std::to_string(position) + " does not follow the " + std::to_string(layer.length) +
              " held");
  }
  if (tokens > 0 && position % kPagePositions != 0 && !holds(layer, position / kPagePositions)) {
    failUsage("the positions before " + std::to_string(position) + " were dropped");
  }
  for (size_t t = 0; t < tokens; t++) {
    const size_t index = (position + t) / kPagePositions;
    if (!holds(layer, index)) take(layer, index);
    uint8_t* const page = layer.pages[index].data;
    const size_t within = (position + t) % kPagePositions;
    for (size_t head = 0; head < options_.numKeyValueHeads; head++) {
      const size_t from = t * keyValueSize() + head * options_.headDim;
      store(k + from, keys(page, head) + within * rowBytes(), scaled() ? keyScales(page, head) + within : nullptr);
      if (sharesValues()) continue;
      store(v + from, values(page, head) + within * rowBytes(), scaled() ? valueScales(page, head) + within : nullptr);
    }
  }
  layer.length = std::max(layer.length, position + tokens);
}

const uint8_t* KeyValueCache::markPages(size_t position, size_t tokens, const uint8_t* seen, size_t blockSize) {
  const size_t positions = position + tokens;
  const size_t blocks = (positions + blockSize - 1) / blockSize;
  seenPages_.assign((positions + kPagePositions - 1) / kPagePositions, 0);
  for (size_t block = 0; block < blocks; block++) {
    bool any = false;
    for (size_t t = 0; t < tokens && !any; t++) any = seen[t * blocks + block] != 0;
    if (!any) continue;
    const size_t last = std::min((block + 1) * blockSize, positions) - 1;
    for (size_t page = block * blockSize / kPagePositions; page <= last / kPagePositions; page++) seenPages_[page] = 1;
  }
  return seenPages_.data();
}

void KeyValueCache::attend(size_t index, size_t position, size_t tokens, const float* q, float* out,
                           const uint8_t* seenBlocks, size_t blockSize, bool together) {
  const PerLayer& layer = checked(index, position, tokens);
  if (position + tokens > layer.length) {
    failUsage("attention over " + std::to_string(position + tokens) + " positions, of which " +
              std::to_string(layer.length) + " are held");
  }
  const size_t seen = layer.window == 0 || position < layer.window ? 0 : position + 1 - layer.window;
  const uint8_t* const pages = seenBlocks == nullptr ? nullptr : markPages(position, tokens, seenBlocks, blockSize);
  for (size_t page = seen / kPagePositions; page * kPagePositions < position + tokens; page++) {
    if (pages != nullptr && pages[page] == 0) continue;
    if (!holds(layer, page)) failUsage("positions from " + std::to_string(page * kPagePositions) + " on were dropped");
  }
  const Blocks blocks{seenBlocks, blockSize, (position + tokens + blockSize - 1) / blockSize, pages,
                      together ? position + tokens : 0};
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
      attendTile(layer, {head / group, head, tileHeads, token, std::min(tileTokens, tokens - token)}, position, q, out,
                 blocks, thread);
    }
  });
}

static void multiply(float* values, const float* factors, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] *= factors[i];
}

/** Caps what scaling will make of the scores. */
static void cap(float* scores, size_t count, float scale, float softCap) {
  for (size_t i = 0; i < count; i++) scores[i] = std::tanh(scores[i] * scale / softCap) * softCap / scale;
}

/** A tile at work, in a thread's scratch. Row i is token tile.token + i / heads and head tile.head + i % heads. */
struct KeyValueCache::TileRows {
  const PerLayer& layer;
  const Tile& tile;
  const Blocks& blocks;
  size_t position, headDim;
  float* memory;

  size_t count() const { return tile.heads * tile.tokens; }
  /** Positions that the last token sees, and those before them. */
  size_t length() const { return blocks.end > 0 ? blocks.end : position + tile.token + tile.tokens; }
  size_t own(size_t i) const { return position + tile.token + i / tile.heads; }
  size_t last(size_t i) const { return blocks.end > 0 ? blocks.end - 1 : own(i); }
  size_t first(size_t i) const {
    const size_t windowed = layer.window == 0 || own(i) < layer.window ? 0 : own(i) + 1 - layer.window;
    return blocks.end > 0 ? std::min(windowed, position) : windowed;
  }
  size_t firstPage() const { return first(0) / kPagePositions * kPagePositions; }

  /** [count, headDim] */
  float* query(size_t i) const { return memory + i * headDim; }
  /** [count, headDim] */
  float* sum(size_t i) const { return query(count() + i); }
  /** [count, stride] */
  float* scores(size_t i) const { return query(2 * count()) + i * stride(); }
  /** One more than positions: where a sink goes. */
  size_t stride() const { return length() + 1; }
};

void KeyValueCache::attendTile(const PerLayer& layer, const Tile& tile, size_t position, const float* q, float* out,
                               const Blocks& blocks, size_t thread) {
  const size_t headDim = options_.headDim;
  const TileRows rows{layer, tile, blocks, position, headDim, scratch_[thread].data()};
  const auto place = [&](size_t i, size_t dim) {
    return ((tile.token + i / tile.heads) * options_.numAttentionHeads + tile.head + i % tile.heads) * dim;
  };
  for (size_t i = 0; i < rows.count(); i++) std::memcpy(rows.query(i), q + place(i, headDim), headDim * sizeof(float));
  std::memset(rows.sum(0), 0, rows.count() * headDim * sizeof(float));
  scoreTile(rows, pool_->scratch(thread));
  softmaxTile(rows);
  sumTile(rows, pool_->scratch(thread));
  for (size_t i = 0; i < rows.count(); i++) {
    const float inverse = 1 / rows.query(i)[0];
    for (size_t d = 0; d < valueDim(); d++) out[place(i, valueDim()) + d] = rows.sum(i)[d] * inverse;
  }
}

template <class Visit>
void KeyValueCache::eachPage(const TileRows& rows, const Visit& visit) const {
  for (size_t begin = rows.firstPage(); begin < rows.length(); begin += kPagePositions) {
    if (rows.blocks.pages != nullptr && rows.blocks.pages[begin / kPagePositions] == 0) continue;
    visit(rows.layer.pages[begin / kPagePositions].data, begin, std::min(kPagePositions, rows.length() - begin));
  }
}

/** scores = queries . keys, not scaled yet. */
void KeyValueCache::scoreTile(const TileRows& rows, void* scratch) const {
  const size_t head = rows.tile.keyValueHead;
  eachPage(rows, [&](uint8_t* page, size_t begin, size_t positions) {
    kernels_.dots(options_.format, Rows{keys(page, head), rowBytes(), nullptr}, positions, rows.headDim, rows.query(0),
                  rows.headDim, rows.count(), Products{rows.scores(0) + begin, rows.stride()}, scratch);
    if (!scaled()) return;
    const float* scales = keyScales(page, head);
    for (size_t i = 0; i < rows.count(); i++) multiply(rows.scores(i) + begin, scales, positions);
  });
}

/**
 * Scores become their exponentials, and zero where a row does not see. The query is used up: its first value becomes
 * their sum.
 */
void KeyValueCache::softmaxTile(const TileRows& rows) const {
  const float scale = 1 / std::sqrt(static_cast<float>(rows.headDim));
  const bool sink = rows.layer.sinks != nullptr;
  for (size_t i = 0; i < rows.count(); i++) {
    const size_t from = rows.first(i);
    const size_t visible = rows.last(i) + 1;
    float* row = rows.scores(i);
    if (options_.softCap > 0) cap(row + from, visible - from, scale, options_.softCap);
    if (rows.blocks.seen != nullptr) {
      const uint8_t* seen = rows.blocks.seen + (rows.tile.token + i / rows.tile.heads) * rows.blocks.count;
      for (size_t at = from; at < visible; at++) {
        if (seen[at / rows.blocks.size] == 0) row[at] = -std::numeric_limits<float>::infinity();
      }
    }
    if (sink) row[visible] = rows.layer.sinks[rows.tile.head + i % rows.tile.heads] / scale;
    const float total = kernels_.exponentials(row + from, visible - from + (sink ? 1 : 0), scale);
    std::fill(row + visible, row + rows.length(), 0.0f);
    std::fill(row + rows.firstPage(), row + from, 0.0f);
    rows.query(i)[0] = total;
  }
}

/** sums += scores . values. */
void KeyValueCache::sumTile(const TileRows& rows, void* scratch) const {
  // Sums end at a multiple of 32 columns, or where the rows do.
  const size_t summed = std::min(rows.headDim, (valueDim() + 31) / 32 * 32);
  const size_t head = rows.tile.keyValueHead;
  eachPage(rows, [&](uint8_t* page, size_t begin, size_t positions) {
    if (scaled()) {
      // Only what is visible: a later value that is not finite must not reach an earlier token.
      const float* scales = valueScales(page, head);
      for (size_t i = 0; i < rows.count(); i++) {
        const size_t from = std::max(rows.first(i), begin);
        const size_t to = std::min(rows.last(i) + 1, begin + positions);
        if (to > from) multiply(rows.scores(i) + from, scales + (from - begin), to - from);
      }
    }
    kernels_.addScaledRows(options_.format, Rows{values(page, head), rowBytes(), nullptr}, positions,
                           rows.scores(0) + begin, rows.stride(), 0, summed, rows.sum(0), rows.headDim, rows.count(),
                           scratch);
  });
}

void KeyValueCache::truncate(size_t index, size_t length) {
  PerLayer& layer = checked(index, 0, 0);
  layer.length = std::min(layer.length, length);
  const size_t pages = (layer.length + kPagePositions - 1) / kPagePositions;
  for (size_t page = pages; page < layer.pages.size(); page++) release(layer, page);
  layer.pages.resize(std::min(layer.pages.size(), pages));
}

void KeyValueCache::swap(size_t index, size_t one, size_t other) {
  PerLayer& layer = checked(index, 0, 0);
  for (const size_t position : {one, other}) {
    if (position >= layer.length || !holds(layer, position / kPagePositions)) {
      failUsage("position " + std::to_string(position) + " is not held");
    }
  }
  if (one == other) return;
  uint8_t* const pages[] = {layer.pages[one / kPagePositions].data, layer.pages[other / kPagePositions].data};
  const size_t within[] = {one % kPagePositions, other % kPagePositions};
  for (size_t head = 0; head < keptHeads(); head++) {
    uint8_t* const first = keys(pages[0], head) + within[0] * rowBytes();
    std::swap_ranges(first, first + rowBytes(), keys(pages[1], head) + within[1] * rowBytes());
    if (scaled()) std::swap(keyScales(pages[0], head)[within[0]], keyScales(pages[1], head)[within[1]]);
  }
}

void KeyValueCache::drop(size_t index, size_t from, size_t to) {
  PerLayer& layer = checked(index, 0, 0);
  const size_t end = std::min(to, layer.length) / kPagePositions;
  for (size_t page = (from + kPagePositions - 1) / kPagePositions; page < end; page++) release(layer, page);
}

void KeyValueCache::savePage(size_t index, size_t page, uint8_t* into) {
  const PerLayer& layer = checked(index, 0, 0);
  if (!holds(layer, page)) failUsage("page " + std::to_string(page) + " is not held");
  std::memcpy(into, layer.pages[page].data, pageBytes());
}

void KeyValueCache::loadPage(size_t index, size_t page, const uint8_t* from) {
  PerLayer& layer = checked(index, page, 0);
  if (page * kPagePositions >= options_.contextSize) failUsage("page " + std::to_string(page) + " is past the context");
  if (!holds(layer, page)) take(layer, page);
  std::memcpy(layer.pages[page].data, from, pageBytes());
  layer.length = std::max(layer.length, std::min((page + 1) * kPagePositions, options_.contextSize));
}

void KeyValueCache::copy(size_t fromIndex, size_t toIndex, size_t length) {
  const PerLayer& from = checked(fromIndex, 0, 0);
  PerLayer& to = checked(toIndex, 0, 0);
  if (fromIndex == toIndex) failUsage("a layer is not copied to itself");
  truncate(toIndex, 0);
  to.length = std::min(from.length, length);
  for (size_t page = 0; page * kPagePositions < to.length; page++) {
    if (!holds(from, page)) continue;
    take(to, page);
    std::memcpy(to.pages[page].data, from.pages[page].data, pageBytes());
  }
}

}  // namespace flashrow
