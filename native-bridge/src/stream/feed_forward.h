#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arena.h"
#include "kernels/kernels.h"
#include "kernels/quantized_inputs.h"
#include "stream/layer.h"
#include "thread_pool.h"

namespace flashrow {

/** A unit in memory, and where its neurons stand among those of the call. */
struct PlacedUnit {
  const uint8_t* slot;
  uint32_t unit;
  /** The neurons that are computed: all of the unit's, or none. */
  uint32_t neurons;
  /** Its place among the units of the call. */
  uint32_t index;
  /** Index of its first neuron among the neurons of the call. */
  size_t position;
};

/** A call on one layer, without its units; contract/row-stream.ts documents the fields. */
struct LayerCall {
  const Layer* layer;
  const float* x;
  size_t tokens;
  const float* residentProducts;
  /** [tokens, weightStride], by token and index of the unit; null where all are 1. */
  const float* weights;
  size_t weightStride;
  float* y;

  /** The same call for `count` tokens from `token` on. */
  LayerCall part(size_t token, size_t count) const {
    LayerCall part = *this;
    part.tokens = count;
    part.x += token * layer->hiddenSize;
    part.y += token * layer->hiddenSize;
    if (residentProducts != nullptr) part.residentProducts += token * layer->numNeurons;
    if (weights != nullptr) part.weights += token * weightStride;
    return part;
  }
};

/**
 * The two halves of a feed-forward network over units in memory: `hidden` takes units in any order, `project` in
 * ascending order. Between them, h = act(gate x) * (up x) of every neuron of the call is kept.
 */
class FeedForward {
 public:
  /** Most values of h ([tokens, neurons]) kept at once, unless a single unit needs more: 2 MiB. */
  static constexpr size_t kMostActivations = size_t{1} << 19;
  /**
   * Rows of down that go through all slices together: few enough to stay in a core's cache meanwhile, and as many as
   * kernels have side by side for that many tokens (KERNEL-13).
   */
  static constexpr size_t rowsAtOnce(size_t tokens) { return tokens < 8 ? 8 : tokens <= 16 ? 16 : 64; }

  FeedForward(ThreadPool& pool, const Kernels& kernels) : pool_(pool), kernels_(kernels) {}

  /** Begins a call, or a chunk of one, over `neurons` neurons. */
  void begin(const LayerCall& call, size_t neurons);
  /** Computes h of these units. */
  void hidden(const PlacedUnit* const* units, size_t count);
  /**
   * Adds the products of h with these units' down rows to y. All have been through `hidden`, and follow one another.
   */
  void project(const PlacedUnit* const* units, size_t count);
  /**
   * For a down matrix that lies apart: `readyHidden` follows `hidden` of all neurons, and `projectRows` then takes
   * units of down rows, in any order.
   */
  void readyHidden() { quantizeHidden(0, call_.layer->inputBundles); }
  void projectRows(const PlacedUnit* const* units, size_t count);

 private:
  struct Integers {
    Arena memory;
    QuantizedInputs inputs;

    void begin(ThreadPool& pool, const IntegerKernels& kernels, const QuantizedInputs::Source& source);
  };

  void hiddenShare(const PlacedUnit* const* units, size_t begin, size_t end, size_t thread);
  void collectRows(const PlacedUnit* const* units, size_t begin, size_t end);
  /** Products of x with the rows of gate or up, [tokens, neurons from `begin` to `end`], biases added. */
  void products(InputPart part, size_t begin, size_t end, float* into, size_t thread);
  void copyResident(size_t begin, size_t end, float* into) const;
  void multiplyBy(const std::vector<float>& factors, size_t begin, size_t end, float* into) const;
  void addBiases(const std::vector<float>& biases, size_t begin, size_t end, float* into) const;
  void activateShare(size_t begin, size_t end, float* acts) const;
  /** Leaves out the neurons whose gate is zero for every token; returns where the others now end. */
  size_t keepOpen(size_t begin, size_t end);
  void multiplyByGate(size_t begin, size_t end);
  void weigh(const PlacedUnit& unit);
  /** Makes integers of h from `position` on, bundle by bundle. False where down wants none. */
  bool quantizeHidden(size_t position, size_t bundles);
  /** `following`: the rows that this thread computes next. */
  void addOutputs(const PlacedUnit& unit, size_t row, size_t count, size_t following, bool isFirst, size_t thread);
  void projectByNeuron(const PlacedUnit* const* units, size_t count);
  void projectByOutput(const PlacedUnit* const* units, size_t count);

  ThreadPool& pool_;
  const Kernels& kernels_;
  LayerCall call_{};
  /** The call's x, and h bundle by bundle, as integers, where a format wants them. */
  Integers xIntegers_, hiddenIntegers_;
  size_t neurons_ = 0;
  /** [tokens, neurons]: act(gate x), and then h. */
  std::vector<float> gates_, hidden_;
  /** Per neuron of a `hidden` call: its rows, its position in the call, its index in the layer. */
  std::vector<const uint8_t*> gateRows_, upRows_;
  std::vector<uint32_t> positions_, neuronIds_;
  /** Index, among a hidden call's neurons, of each unit's first. */
  std::vector<size_t> starts_;
  /** Per position in the call. */
  std::vector<const uint8_t*> downRows_;
};

}  // namespace flashrow
