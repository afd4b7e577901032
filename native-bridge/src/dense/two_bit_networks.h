#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arena.h"
#include "kernels/activation.h"
#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

struct TwoBitNetworksSource {
  std::string path;
  /** Where the first layer begins; a multiple of the device's blocks, as are the bytes of a layer. */
  uint64_t offset;
  size_t hiddenSize;
  bool gated;
  Activation activation;
  /** Of 256 neurons, in the file. */
  size_t blocksPerLayer;
  /** How many of each layer's, from its first on, are taken. */
  std::vector<uint32_t> blocks;
};

/**
 * Feed-forward networks in two bits, for drafts of one token: the first blocks of all layers in one region, as they lie
 * in the file. A block is tiles (kernels/two_bit_tiles.h): for each 16 neurons their rows of gate, where there is one,
 * and of up, by columns; then for each 16 outputs the neurons' columns of down.
 */
class TwoBitNetworks {
 public:
  /** Throws Failure IO, CORRUPT (the file ends early), MEMORY, USAGE. */
  TwoBitNetworks(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const TwoBitNetworksSource& source);

  size_t hiddenSize() const { return hiddenSize_; }
  size_t numLayers() const { return layers_.size(); }
  size_t bytes() const { return memory_.bytes(); }
  /** y[hiddenSize] = the network of a layer for x[hiddenSize]; zeros where no block is of that layer. */
  void run(size_t layer, const float* x, float* y);

 private:
  struct Layer {
    /** Where it begins in memory. */
    size_t at, blocks;
  };

  void read(const TwoBitNetworksSource& source);
  void runNeurons(const Layer& layer, size_t begin, size_t end);
  void runOutputs(const Layer& layer, size_t begin, size_t end);

  std::shared_ptr<ThreadPool> pool_;
  decltype(Kernels::addTwoBitTile) addTile_;
  size_t hiddenSize_;
  bool gated_;
  Activation activation_;
  /** Of the inputs of gate and up. */
  size_t columnTiles_;
  /** Of the outputs of down. */
  size_t outputTiles_;
  size_t blockBytes_;
  std::vector<Layer> layers_;
  Arena memory_;
  std::vector<TwoBitInputs> inputs_;
  /** Of the layer with most blocks. */
  std::vector<float> neurons_;
  std::vector<TwoBitInputs> neuronInputs_;
  std::vector<float> outputs_;
};

}  // namespace flashrow
