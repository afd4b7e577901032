#include "stream/feed_forward.h"

#include <algorithm>

namespace flashrow {

template <class T>
static void grow(std::vector<T>& vector, size_t size) {
  if (vector.size() < size) vector.resize(size);
}

static void grow(Arena& arena, size_t bytes) {
  if (arena.bytes() >= bytes) return;
  arena = Arena();
  arena = Arena(bytes);
}

void FeedForward::Integers::begin(ThreadPool& pool, const IntegerKernels& kernels,
                                  const QuantizedInputs::Source& source) {
  grow(memory, QuantizedInputs::bytes(pool, kernels, source));
  inputs.begin(pool, kernels, source, memory.data());
}

void FeedForward::begin(const LayerCall& call, size_t neurons) {
  call_ = call;
  neurons_ = neurons;
  if (call.layer->gated()) grow(gates_, call.tokens * neurons);
  grow(hidden_, call.tokens * neurons);
  grow(gateRows_, neurons);
  grow(upRows_, neurons);
  grow(positions_, neurons);
  grow(neuronIds_, neurons);
  if (call.layer->downByNeuron()) grow(downRows_, neurons);
  const Layer& layer = *call.layer;
  if ((layer.readsGate() && kernels_.wantsIntegers(*layer.gateFormat)) ||
      (layer.readsUp() && kernels_.wantsIntegers(layer.upFormat))) {
    xIntegers_.begin(pool_, *kernels_.integers, {call.x, layer.hiddenSize, layer.hiddenSize, 1, call.tokens});
  }
}

void FeedForward::hidden(const PlacedUnit* const* units, size_t count) {
  const Layer& layer = *call_.layer;
  starts_.clear();
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    starts_.push_back(total);
    total += units[i]->neurons;
  }
  const size_t threads = threadsFor(pool_, total * (layer.gateRowBytes + layer.upRowBytes), call_.tokens);
  pool_.run(threads, [&](size_t thread, size_t numThreads) {
    const Share share(total, 4, thread, numThreads);
    if (share.begin < share.end) hiddenShare(units, share.begin, share.end, thread);
  });
  if (call_.weights == nullptr) return;
  for (size_t i = 0; i < count; i++) weigh(*units[i]);
}

/** A weight of zero leaves nothing of h, not even NaN. */
void FeedForward::weigh(const PlacedUnit& unit) {
  for (size_t t = 0; t < call_.tokens; t++) {
    const float weight = call_.weights[t * call_.weightStride + unit.index];
    float* h = hidden_.data() + t * neurons_ + unit.position;
    for (size_t i = 0; i < unit.neurons; i++) h[i] = weight == 0 ? 0 : weight * h[i];
  }
}

/** Fills the row tables for a share of the neurons. */
void FeedForward::collectRows(const PlacedUnit* const* units, size_t begin, size_t end) {
  const Layer& layer = *call_.layer;
  size_t unit = std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin() - 1;
  for (size_t i = begin; i < end; unit++) {
    const PlacedUnit& placed = *units[unit];
    for (size_t k = i - starts_[unit]; k < placed.neurons && i < end; k++, i++) {
      const size_t bundle = k / layer.neuronsPerBundle;
      const size_t row = k % layer.neuronsPerBundle;
      positions_[i] = static_cast<uint32_t>(placed.position + k);
      neuronIds_[i] = static_cast<uint32_t>(placed.unit * layer.neuronsPerUnit + k);
      if (layer.readsGate())
        gateRows_[i] = layer.part(placed.slot, placed.unit, *layer.gate, bundle) + row * layer.gateRowBytes;
      if (layer.readsUp()) upRows_[i] = layer.part(placed.slot, placed.unit, layer.up, bundle) + row * layer.upRowBytes;
      if (layer.downByNeuron()) {
        downRows_[positions_[i]] = layer.part(placed.slot, placed.unit, layer.down, bundle) + row * layer.downRowBytes;
      }
    }
  }
}

void FeedForward::hiddenShare(const PlacedUnit* const* units, size_t begin, size_t end, size_t thread) {
  collectRows(units, begin, end);
  if (!call_.layer->gated()) {
    products(InputPart::Up, begin, end, hidden_.data(), thread);
    activateShare(begin, end, hidden_.data());
    multiplyBy(call_.layer->downFactors, begin, end, hidden_.data());
    return;
  }
  products(InputPart::Gate, begin, end, gates_.data(), thread);
  activateShare(begin, end, gates_.data());
  const size_t open = keepOpen(begin, end);
  products(InputPart::Up, begin, open, hidden_.data(), thread);
  multiplyByGate(begin, open);
  multiplyBy(call_.layer->downFactors, begin, open, hidden_.data());
}

void FeedForward::products(InputPart part, size_t begin, size_t end, float* into, size_t thread) {
  if (begin == end) return;
  const Layer& layer = *call_.layer;
  if (layer.residentPart == part) return copyResident(begin, end, into);
  const bool gate = part == InputPart::Gate;
  const Format format = gate ? *layer.gateFormat : layer.upFormat;
  const Rows rows{nullptr, 0, (gate ? gateRows_ : upRows_).data() + begin};
  const Products out{into, neurons_, positions_.data() + begin};
  void* const scratch = pool_.scratch(thread);
  if (kernels_.wantsIntegers(format)) {
    kernels_.integers->dots(format, rows, end - begin, layer.hiddenSize, xIntegers_.inputs.of(thread), call_.tokens,
                            out, scratch);
  } else {
    kernels_.dots(format, rows, end - begin, layer.hiddenSize, call_.x, layer.hiddenSize, call_.tokens, out, scratch);
  }
  multiplyBy(gate ? layer.gateFactors : layer.upFactors, begin, end, into);
  addBiases(gate ? layer.gateBias : layer.upBias, begin, end, into);
}

/** Products of down are linear in h, so that h takes their factor. */
void FeedForward::multiplyBy(const std::vector<float>& factors, size_t begin, size_t end, float* into) const {
  if (factors.empty()) return;
  const size_t neuronsEach = call_.layer->numNeurons / factors.size();
  for (size_t t = 0; t < call_.tokens; t++) {
    for (size_t i = begin; i < end; i++) into[t * neurons_ + positions_[i]] *= factors[neuronIds_[i] / neuronsEach];
  }
}

/** Resident products hold their factors and biases already. */
void FeedForward::copyResident(size_t begin, size_t end, float* into) const {
  for (size_t t = 0; t < call_.tokens; t++) {
    const float* from = call_.residentProducts + t * call_.layer->numNeurons;
    for (size_t i = begin; i < end; i++) into[t * neurons_ + positions_[i]] = from[neuronIds_[i]];
  }
}

void FeedForward::addBiases(const std::vector<float>& biases, size_t begin, size_t end, float* into) const {
  if (biases.empty()) return;
  for (size_t t = 0; t < call_.tokens; t++) {
    for (size_t i = begin; i < end; i++) into[t * neurons_ + positions_[i]] += biases[neuronIds_[i]];
  }
}

/** The activation, over each run of neighbouring positions. */
void FeedForward::activateShare(size_t begin, size_t end, float* acts) const {
  for (size_t i = begin, next; i < end; i = next) {
    for (next = i + 1; next < end && positions_[next] == positions_[next - 1] + 1;) next++;
    for (size_t t = 0; t < call_.tokens; t++) {
      activate(call_.layer->activation, call_.layer->activationLimit, acts + t * neurons_ + positions_[i], next - i);
    }
  }
}

/** A neuron whose act is zero for every token does not need its up product. */
size_t FeedForward::keepOpen(size_t begin, size_t end) {
  size_t open = begin;
  for (size_t i = begin; i < end; i++) {
    bool any = false;
    for (size_t t = 0; t < call_.tokens && !any; t++) any = !(gates_[t * neurons_ + positions_[i]] == 0);
    if (!any) {
      for (size_t t = 0; t < call_.tokens; t++) hidden_[t * neurons_ + positions_[i]] = 0;
      continue;
    }
    positions_[open] = positions_[i];
    neuronIds_[open] = neuronIds_[i];
    upRows_[open++] = upRows_[i];
  }
  return open;
}

void FeedForward::multiplyByGate(size_t begin, size_t end) {
  for (size_t t = 0; t < call_.tokens; t++) {
    for (size_t i = begin; i < end; i++) {
      const size_t at = t * neurons_ + positions_[i];
      activateUp(call_.layer->activation, call_.layer->activationLimit, &hidden_[at], 1);
      hidden_[at] = gates_[at] == 0 ? 0 : gates_[at] * hidden_[at];
    }
  }
}

void FeedForward::project(const PlacedUnit* const* units, size_t count) {
  if (call_.layer->downByNeuron()) {
    projectByNeuron(units, count);
  } else {
    projectByOutput(units, count);
  }
}

void FeedForward::projectByNeuron(const PlacedUnit* const* units, size_t count) {
  const Layer& layer = *call_.layer;
  const size_t first = units[0]->position;
  const size_t rows = units[count - 1]->position + units[count - 1]->neurons - first;
  const size_t threads = threadsFor(pool_, rows * layer.downRowBytes, call_.tokens);
  pool_.run(threads, [&](size_t thread, size_t numThreads) {
    const Share columns(layer.hiddenSize, 32, thread, numThreads);
    if (columns.begin == columns.end) return;
    kernels_.addScaledRows(layer.downFormat, Rows{nullptr, 0, downRows_.data() + first}, rows, hidden_.data() + first,
                           neurons_, columns.begin, columns.end, call_.y, layer.hiddenSize, call_.tokens,
                           pool_.scratch(thread));
  });
}

bool FeedForward::quantizeHidden(size_t position, size_t bundles) {
  const Layer& layer = *call_.layer;
  if (!kernels_.wantsIntegers(layer.downFormat)) return false;
  const float* const hidden = hidden_.data() + position;
  hiddenIntegers_.begin(pool_, *kernels_.integers, {hidden, neurons_, layer.neuronsPerBundle, bundles, call_.tokens});
  return true;
}

/** Bundle by bundle, so that the result does not depend on how bundles make units. */
void FeedForward::projectByOutput(const PlacedUnit* const* units, size_t count) {
  const Layer& layer = *call_.layer;
  const size_t neurons = units[count - 1]->position + units[count - 1]->neurons - units[0]->position;
  const size_t bundles = neurons / layer.neuronsPerBundle;
  const bool integers = quantizeHidden(units[0]->position, bundles);
  const size_t threads = threadsFor(pool_, bundles * layer.hiddenSize * layer.downRowBytes, call_.tokens);
  pool_.run(threads, [&](size_t thread, size_t numThreads) {
    const Share outputs(layer.hiddenSize, 4, thread, numThreads);
    if (outputs.begin == outputs.end) return;
    const uint8_t* const inputs = integers ? hiddenIntegers_.inputs.of(thread) : nullptr;
    for (size_t u = 0; u < count; u++) {
      for (size_t b = 0; b * layer.neuronsPerBundle < units[u]->neurons; b++) {
        const Rows rows =
            Rows{layer.part(units[u]->slot, units[u]->unit, layer.down, b), layer.downRowBytes, nullptr}.from(
                outputs.begin);
        const size_t position = units[u]->position + b * layer.neuronsPerBundle;
        const Products out{call_.y + outputs.begin, layer.hiddenSize, nullptr, true};
        if (integers) {
          const size_t bundle = (position - units[0]->position) / layer.neuronsPerBundle;
          kernels_.integers->dots(layer.downFormat, rows, outputs.end - outputs.begin, layer.neuronsPerBundle,
                                  inputs + bundle * hiddenIntegers_.inputs.bytesOfRun(), call_.tokens, out,
                                  pool_.scratch(thread));
        } else {
          kernels_.dots(layer.downFormat, rows, outputs.end - outputs.begin, layer.neuronsPerBundle,
                        hidden_.data() + position, neurons_, call_.tokens, out, pool_.scratch(thread));
        }
      }
    }
  });
}

void FeedForward::projectRows(const PlacedUnit* const* units, size_t count) {
  const Layer& layer = *call_.layer;
  starts_.clear();
  size_t total = 0;
  for (size_t u = 0; u < count; u++) {
    starts_.push_back(total);
    total += layer.outputsOf(units[u]->unit);
  }
  const size_t threads = threadsFor(pool_, total * layer.downRowBytes, call_.tokens);
  const size_t most = rowsAtOnce(call_.tokens);
  pool_.run(threads, [&](size_t thread, size_t numThreads) {
    const Share share(total, 4, thread, numThreads);
    for (size_t u = 0; u < count; u++) {
      const size_t first = std::max(share.begin, starts_[u]);
      const size_t end = std::min(share.end, starts_[u] + layer.outputsOf(units[u]->unit));
      for (size_t row = first; row < end; row += most) {
        const size_t rows = std::min(most, end - row);
        const size_t following = std::min(most, end - row - rows);
        addOutputs(*units[u], row - starts_[u], rows, following, row == first, thread);
      }
    }
  });
}

static void fetchLines(const uint8_t* from, const uint8_t* end) {
  for (; from < end; from += 64) __builtin_prefetch(from, 0, 2);
}

/** Adds slice after slice of each row, as `projectByOutput` does, for the same bits. */
void FeedForward::addOutputs(const PlacedUnit& unit, size_t row, size_t count, size_t following, bool isFirst,
                             size_t thread) {
  const Layer& layer = *call_.layer;
  const bool integers = kernels_.wantsIntegers(layer.downFormat);
  const uint8_t* const inputs = integers ? hiddenIntegers_.inputs.of(thread) : nullptr;
  void* const scratch = pool_.scratch(thread);
  const size_t sliceBytes = rowBytes(layer.downFormat, layer.neuronsPerBundle);
  const Rows whole = Rows{layer.part(unit.slot, unit.unit, layer.down, 0), layer.downRowBytes, nullptr}.from(row);
  const Products out{call_.y + layer.firstOutputOf(unit.unit) + row, layer.hiddenSize, nullptr, true};
  // A slice touches a line or two of each row, which no processor foresees. Fetched row after row, and the rows that
  // follow while these are computed, they arrive as fast as memory gives them.
  const uint8_t* const end = whole.base + count * layer.downRowBytes;
  if (isFirst) fetchLines(whole.base, end);
  const size_t ahead = (following * layer.downRowBytes + layer.inputBundles - 1) / layer.inputBundles;
  const uint8_t* const aheadEnd = end + following * layer.downRowBytes;
  for (size_t b = 0; b < layer.inputBundles; b++) {
    const Rows rows{whole.base + b * sliceBytes, whole.stride, nullptr};
    if (following > 0) fetchLines(end + b * ahead, std::min(end + (b + 1) * ahead, aheadEnd));
    if (integers) {
      kernels_.integers->dots(layer.downFormat, rows, count, layer.neuronsPerBundle,
                              inputs + b * hiddenIntegers_.inputs.bytesOfRun(), call_.tokens, out, scratch);
    } else {
      kernels_.dots(layer.downFormat, rows, count, layer.neuronsPerBundle, hidden_.data() + b * layer.neuronsPerBundle,
                    neurons_, call_.tokens, out, scratch);
    }
  }
}

}  // namespace flashrow
