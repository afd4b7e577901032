#include "stream/stream.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "failure.h"

namespace flashrow {

/** Weights of a ring computed between two looks at what has landed: short enough that its slots come free steadily. */
static constexpr uint64_t kBatchBytes = 4 << 20;
/** The most neurons in one batch of a call that is too large to keep all of its h. */
static constexpr size_t kBatchNeurons = 1024;

/**
 * Units of this size and above are experts: few of many tokens want one, and to copy their rows is cheaper than to
 * compute the others'.
 */
static constexpr size_t kGatheredNeurons = 32;

/**
 * By output, a product of down with zeros is still computed, and is NaN where down holds a value that is not finite.
 */
static bool gathersTokens(const LayerCall& call) {
  if (call.weights == nullptr || call.tokens < 2 || call.residentProducts != nullptr) return false;
  return !call.layer->downByNeuron() || call.layer->neuronsPerUnit >= kGatheredNeurons;
}

static double millisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

RowStream::RowStream(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const StreamOptions& options,
                     std::vector<LayerOptions> layers, const std::vector<MatrixOptions>& matrices)
    : pool_(std::move(pool)), feedForward_(*pool_, kernels), product_(*pool_, kernels) {
  if (options.readThreads == 0) failUsage("readThreads must be at least 1");
  for (size_t i = 0; i < layers.size(); i++) {
    layers_.push_back(std::make_unique<Layer>(std::move(layers[i]), i, options.paths.size(), options.arenaBytes));
  }
  for (const MatrixOptions& matrix : matrices) {
    matrices_.push_back(std::make_unique<StreamedMatrix>(matrix, matrices_.size(), options.paths.size()));
  }
  for (const std::string& path : options.paths) files_.push_back(std::make_unique<File>(path, options.direct));
  arena_ = Arena(options.arenaBytes, Content::any);
  for (const auto& layer : layers_) {
    const auto same = std::find_if(layers_.begin(), layers_.begin() + slots_.size(), [&](const auto& other) {
      return other->arenaOffset == layer->arenaOffset && other->slots == layer->slots &&
             other->slotBytes == layer->slotBytes;
    });
    if (same != layers_.begin() + slots_.size()) {
      slots_.push_back(slots_[same - layers_.begin()]);
      continue;
    }
    slots_.emplace_back(new Slot[layer->slots]);
    for (size_t i = 0; i < layer->slots; i++) {
      slots_.back()[i].place(&board_, arena_.data() + layer->arenaOffset + i * layer->slotBytes);
    }
  }
  reader_ = std::make_unique<Reader>(options.readThreads);
  planner_ = std::make_unique<ReadPlanner>(*reader_, files_, options.mergeGapBytes);
  if (options.filledAtOnce) freshPages_.emplace(arena_.data(), arena_.bytes());
}

bool RowStream::direct() const {
  return std::all_of(files_.begin(), files_.end(), [](const auto& file) { return file->direct(); });
}

const Layer& RowStream::layer(size_t index) const {
  if (index >= layers_.size()) failUsage("there is no layer " + std::to_string(index) + " in this stream");
  return *layers_[index];
}

void RowStream::checkUnits(const Streamed& source, const uint32_t* units, size_t count) const {
  for (size_t i = 0; i < count; i++) {
    if (units[i] >= source.unitCount()) {
      failUsage(source.name() + " has " + std::to_string(source.unitCount()) + " units, no unit " +
                std::to_string(units[i]));
    }
    if (i > 0 && units[i] <= units[i - 1]) failUsage("units must be ascending");
  }
}

Slot& RowStream::slotOf(const Layer& layer, uint32_t index) const {
  if (index < layer.slots) return slots_[layer.index][index];
  const size_t more = more_.empty() ? 0 : more_[layer.index].slots;
  if (index - layer.slots >= more) {
    failUsage("layer " + std::to_string(layer.index) + " has " + std::to_string(layer.slots + more) +
              " slots, no slot " + std::to_string(index));
  }
  return moreSlots_[layer.index][index - layer.slots];
}

void RowStream::extend(uint64_t arenaBytes, const std::vector<MoreSlots>& layers) {
  if (!layers.empty() && layers.size() != layers_.size()) failUsage("an extension says of every layer what it gets");
  for (size_t i = 0; i < layers.size(); i++) {
    const auto& [arenaOffset, slots] = layers[i];
    if (arenaOffset % kDeviceBlock != 0) failUsage("arenaOffset must be a multiple of 4096");
    if (arenaOffset > arenaBytes || (slots > 0 && layers_[i]->slotBytes > (arenaBytes - arenaOffset) / slots)) {
      failUsage("the slots of layer " + std::to_string(i) + " reach outside the extension");
    }
  }
  // No read may end in memory that is gone.
  for (size_t i = 0; i < more_.size(); i++) {
    for (size_t slot = 0; slot < more_[i].slots; slot++) board_.waitFor(moreSlots_[i][slot]);
  }
  more_.clear();
  moreSlots_.clear();
  extension_ = Arena();
  if (layers.empty()) return;
  extension_ = Arena(arenaBytes, Content::any);
  more_ = layers;
  for (size_t i = 0; i < more_.size(); i++) {
    const auto& [arenaOffset, slots] = more_[i];
    const uint64_t slotBytes = layers_[i]->slotBytes;
    // Layers that share their slots share these, too.
    size_t same = 0;
    while (same < i && (slots_[same] != slots_[i] || more_[same].arenaOffset != arenaOffset)) same++;
    if (same < i && slots > 0 && more_[same].slots == slots) {
      moreSlots_.push_back(moreSlots_[same]);
      continue;
    }
    moreSlots_.emplace_back(new Slot[slots]);
    for (size_t slot = 0; slot < slots; slot++) {
      moreSlots_.back()[slot].place(&board_, extension_.data() + arenaOffset + slot * slotBytes);
    }
  }
}

const StreamedMatrix& RowStream::matrix(size_t index) const {
  if (index >= matrices_.size()) failUsage("there is no matrix " + std::to_string(index) + " in this stream");
  return *matrices_[index];
}

Streamed& RowStream::scheduledSource(size_t index) const {
  if (index < layers_.size()) return *layers_[index];
  this->matrix(index - layers_.size());
  return *matrices_[index - layers_.size()];
}

void RowStream::request(size_t index, const uint32_t* units, const uint32_t* slots, size_t count) {
  const Layer& layer = this->layer(index);
  checkUnits(layer, units, count);
  wanted_.clear();
  requests_++;
  for (size_t i = 0; i < count; i++) {
    Slot& slot = slotOf(layer, slots[i]);
    // Left over from a call that never came.
    if (slot.state() == Slot::State::Loading) board_.waitFor(slot);
    wanted_.push_back(&slot);
    if (!slot.claim(requests_)) failUsage("slot " + std::to_string(slots[i]) + " is asked for twice");
  }
  for (size_t i = 0; i < count; i++) wanted_[i]->begin(layers_[index].get(), units[i], layer.payloadOf(units[i]));
  planner_->plan(layer, units, wanted_.data(), count);
  reader_->submit(planner_->reads(), Reader::Priority::Demand);
}

void RowStream::startRing(uint64_t arenaOffset, size_t slots, const uint32_t* schedule, size_t entries) {
  if (slots == 0 || entries == 0) failUsage("a ring needs a slot and a schedule");
  std::vector<Ring::Scheduled> scheduled;
  uint64_t slotBytes = 0;
  for (size_t i = 0; i < entries; i++) {
    Streamed& source = scheduledSource(schedule[2 * i]);
    checkUnits(source, schedule + 2 * i + 1, 1);
    scheduled.push_back({&source, schedule[2 * i + 1]});
    slotBytes = std::max(slotBytes, source.bytesOfSlot());
  }
  if (arenaOffset % kDeviceBlock != 0) failUsage("the ring's arenaOffset must be a multiple of 4096");
  if (arenaOffset > arena_.bytes() || slotBytes > (arena_.bytes() - arenaOffset) / slots) {
    failUsage("the ring's slots reach outside the arena");
  }
  ring_.reset();
  ring_ = std::make_unique<Ring>(*reader_, *planner_, board_, arena_.data() + arenaOffset, slots, slotBytes,
                                 std::move(scheduled));
}

void RowStream::seekRing(size_t entry) {
  if (ring_ == nullptr) failUsage("there is no ring to seek");
  if (entry >= ring_->entries()) {
    failUsage("the ring's schedule has " + std::to_string(ring_->entries()) + " entries, no entry " +
              std::to_string(entry));
  }
  ring_->seek(entry);
}

/** Whether any token has a weight for unit `index` of the call. */
static bool isWeighed(const LayerCall& call, size_t index) {
  if (call.weights == nullptr) return true;
  for (size_t t = 0; t < call.tokens; t++) {
    if (call.weights[t * call.weightStride + index] != 0) return true;
  }
  return false;
}

Slot& RowStream::ringSlot(const Streamed& source, uint32_t unit, uint64_t turn) const {
  if (ring_ == nullptr) failUsage("a ring slot is asked for, but no ring was started");
  const Ring::Scheduled& expected = ring_->scheduled(turn);
  if (expected.source != &source || expected.unit != unit) {
    failUsage("the ring brings " + expected.source->name() + " unit " + std::to_string(expected.unit) + " next, not " +
              source.name() + " unit " + std::to_string(unit));
  }
  return ring_->slot(turn);
}

Slot& RowStream::ownSlot(const Layer& layer, uint32_t unit, uint32_t index) const {
  Slot& slot = slotOf(layer, index);
  if (slot.state() == Slot::State::Empty || slot.source() != &layer || slot.unit() != unit) {
    failUsage("slot " + std::to_string(index) + " of layer " + std::to_string(layer.index) + " does not hold unit " +
              std::to_string(unit));
  }
  return slot;
}

void RowStream::placeEntries(const FeedForwardCall& call, const LayerCall& onLayer) {
  const Layer& layer = *onLayer.layer;
  entries_.clear();
  size_t position = 0;
  retryFailedReads();
  uint64_t turn = ring_ == nullptr ? 0 : ring_->next();
  for (size_t i = 0; i < call.count; i++) {
    Entry entry{};
    entry.unit = call.units[i];
    entry.neurons = isWeighed(onLayer, i) ? static_cast<uint32_t>(layer.neuronsOf(entry.unit)) : 0;
    entry.index = static_cast<uint32_t>(i);
    entry.position = position;
    position += entry.neurons;
    if (call.slots[i] == kRingSlot) {
      entry.home = &ringSlot(layer, entry.unit, turn);
      entry.turn = turn++;
    } else {
      entry.home = &ownSlot(layer, entry.unit, call.slots[i]);
    }
    entry.slot = entry.home->data();
    entries_.push_back(entry);
  }
}

void RowStream::ffn(const FeedForwardCall& call) {
  const auto start = std::chrono::steady_clock::now();
  const double waitedBefore = waitMs_;
  const Layer& layer = this->layer(call.layer);
  checkUnits(layer, call.units, call.count);
  const LayerCall onLayer{&layer, call.x, call.tokens, call.residentProducts, call.weights, call.count, call.y};
  placeEntries(call, onLayer);
  if (layer.downApart()) checkApart(call);
  if (!call.accumulate) std::memset(call.y, 0, call.tokens * layer.hiddenSize * sizeof(float));
  if (layer.downApart()) {
    if (call.tokens > 0) computeApart(onLayer);
  } else if (gathersTokens(onLayer)) {
    apart_.layer = nullptr;
    computeGathered(onLayer);
  } else if (call.tokens > 0) {
    apart_.layer = nullptr;
    compute(onLayer);
  }
  computeMs_ += millisecondsSince(start) - (waitMs_ - waitedBefore);
}

void RowStream::compute(const LayerCall& call) {
  const size_t neurons = entries_.empty() ? 0 : entries_.back().position + entries_.back().neurons;
  const bool anyOrder = call.tokens * neurons <= FeedForward::kMostActivations;
  if (anyOrder) feedForward_.begin(call, neurons);
  for (size_t next = 0; next < entries_.size();) {
    collectLanded(call, next, entries_.size(), anyOrder);
    if (batch_.empty()) {
      await(entries_[next]);
      continue;
    }
    if (anyOrder) {
      feedForward_.hidden(batch_.data(), batch_.size());
      for (Entry* entry : batchEntries_) entry->computed = true;
      next = projectComputed(next);
    } else {
      computeChunks(call);
      for (Entry* entry : batchEntries_) release(*entry);
      next += batch_.size();
    }
  }
}

/** h of a layer whose down lies apart goes from call to call, until all of it is there and down can begin. */
void RowStream::checkApart(const FeedForwardCall& call) {
  const Layer& layer = *layers_[call.layer];
  if (call.weights != nullptr || call.residentProducts != nullptr) {
    failUsage("layer " + std::to_string(call.layer) + " has its down matrix apart, and takes no weights or products");
  }
  const bool goesOn = call.accumulate && apart_.layer == &layer && apart_.tokens == call.tokens;
  const size_t before = goesOn ? apart_.computed : 0;
  size_t inputs = 0;
  for (const Entry& entry : entries_) {
    if (layer.isOutputs(entry.unit)) break;
    if (entry.unit != before + inputs) failUsage("units of gate and up must come in order, none left out");
    inputs++;
  }
  if (inputs < entries_.size() && before + inputs != layer.inputBundles) {
    failUsage("units of down come before all of gate and up");
  }
  apart_ = {&layer, call.tokens, before};
}

void RowStream::computeApart(const LayerCall& call) {
  const Layer& layer = *call.layer;
  const size_t before = apart_.computed;
  apart_.layer = nullptr;
  feedForward_.begin(call, layer.numNeurons);
  const auto inputsEnd =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return layer.isOutputs(entry.unit); });
  const size_t inputs = inputsEnd - entries_.begin();
  for (size_t i = 0; i < inputs; i++) entries_[i].position = entries_[i].unit * layer.neuronsPerBundle;
  inAnyOrder(call, 0, inputs, [&] { feedForward_.hidden(batch_.data(), batch_.size()); });
  if (inputs < entries_.size()) {
    feedForward_.readyHidden();
    inAnyOrder(call, inputs, entries_.size(), [&] { feedForward_.projectRows(batch_.data(), batch_.size()); });
  }
  apart_ = {&layer, call.tokens, before + inputs};
}

template <class Compute>
void RowStream::inAnyOrder(const LayerCall& call, size_t next, size_t end, const Compute& compute) {
  while (next < end) {
    collectLanded(call, next, end, true);
    if (batch_.empty()) {
      await(entries_[next]);
      continue;
    }
    compute();
    for (Entry* entry : batchEntries_) entry->computed = true;
    for (; next < end && entries_[next].computed; next++) release(entries_[next]);
  }
}

void RowStream::collectLanded(const LayerCall& call, size_t next, size_t end, bool anyOrder) {
  batch_.clear();
  batchEntries_.clear();
  uint64_t bytes = 0;
  size_t neurons = 0;
  for (size_t i = next; i < end; i++) {
    Entry& entry = entries_[i];
    if (entry.turn && bytes >= kBatchBytes) return;
    if (entry.computed) continue;
    if (!landed(entry)) {
      if (!anyOrder) return;
      continue;
    }
    if (!anyOrder) {
      if (neurons > 0 && neurons + entry.neurons > kBatchNeurons) return;
      entry.position = neurons;
    }
    neurons += entry.neurons;
    bytes += call.layer->payloadOf(entry.unit);
    batch_.push_back(&entry);
    batchEntries_.push_back(&entry);
  }
}

void RowStream::computeChunks(const LayerCall& call) {
  const size_t neurons = batch_.back()->position + batch_.back()->neurons;
  const size_t chunk = std::clamp<size_t>(FeedForward::kMostActivations / std::max<size_t>(1, neurons), 1, 512);
  for (size_t token = 0; token < call.tokens; token += chunk) {
    feedForward_.begin(call.part(token, std::min(chunk, call.tokens - token)), neurons);
    feedForward_.hidden(batch_.data(), batch_.size());
    feedForward_.project(batch_.data(), batch_.size());
  }
}

/** Sums go on from what a token's row of y holds already, so that the order of additions is that of one token alone. */
void RowStream::computeGathered(const LayerCall& call) {
  const size_t width = call.layer->hiddenSize;
  gatheredX_.resize(std::max(gatheredX_.size(), call.tokens * width));
  gatheredY_.resize(std::max(gatheredY_.size(), call.tokens * width));
  for (Entry& entry : entries_) {
    while (!landed(entry)) await(entry);
    tokensOfUnit_.clear();
    weightsOfUnit_.clear();
    for (size_t t = 0; t < call.tokens; t++) {
      const float weight = call.weights[t * call.weightStride + entry.index];
      if (weight == 0) continue;
      const size_t row = tokensOfUnit_.size() * width;
      std::memcpy(gatheredX_.data() + row, call.x + t * width, width * sizeof(float));
      std::memcpy(gatheredY_.data() + row, call.y + t * width, width * sizeof(float));
      tokensOfUnit_.push_back(t);
      weightsOfUnit_.push_back(weight);
    }
    if (!tokensOfUnit_.empty()) {
      entry.position = 0;
      entry.index = 0;
      batch_.assign(1, &entry);
      computeChunks(
          {call.layer, gatheredX_.data(), tokensOfUnit_.size(), nullptr, weightsOfUnit_.data(), 1, gatheredY_.data()});
      for (size_t i = 0; i < tokensOfUnit_.size(); i++) {
        std::memcpy(call.y + tokensOfUnit_[i] * width, gatheredY_.data() + i * width, width * sizeof(float));
      }
    }
    release(entry);
  }
}

size_t RowStream::projectComputed(size_t next) {
  batch_.clear();
  size_t end = next;
  for (; end < entries_.size() && entries_[end].computed; end++) batch_.push_back(&entries_[end]);
  if (batch_.empty()) return next;
  feedForward_.project(batch_.data(), batch_.size());
  for (; next < end; next++) release(entries_[next]);
  return end;
}

bool RowStream::landed(const Entry& entry) const {
  return (!entry.turn || ring_->issued(*entry.turn)) && entry.home->state() == Slot::State::Ready;
}

void RowStream::await(const Entry& entry) {
  const auto start = std::chrono::steady_clock::now();
  board_.waitFor(*entry.home);
  waitMs_ += millisecondsSince(start);
  if (entry.home->state() == Slot::State::Failed) settleAndThrow();
}

void RowStream::release(const Entry& entry) {
  if (!entry.turn) return;
  board_.countPayload(entry.home->source()->payloadOf(entry.unit));
  ring_->advance();
}

/** Leaves no slot of the call loading or failed, and the ring where the call began. */
void RowStream::settleAndThrow() {
  std::optional<Failure> first;
  std::optional<uint64_t> turn;
  for (Entry& entry : entries_) {
    if (entry.turn) {
      if (!turn) turn = entry.turn;
      if (!ring_->issued(*entry.turn) || *entry.turn < ring_->next()) continue;
    }
    board_.waitFor(*entry.home);
    if (entry.home->state() != Slot::State::Failed) continue;
    if (!first) first = entry.home->failure();
    entry.home->clear();
  }
  if (turn) ring_->seek(*turn % ring_->entries());
  throw *first;
}

std::array<double, 6> RowStream::counters() const {
  return {static_cast<double>(board_.payload()),
          static_cast<double>(reader_->deviceBytes()),
          static_cast<double>(reader_->records()),
          waitMs_,
          computeMs_,
          matrixWaitMs_};
}

}  // namespace flashrow
