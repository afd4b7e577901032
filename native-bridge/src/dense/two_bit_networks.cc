#include "dense/two_bit_networks.h"

#include <algorithm>

#include "failure.h"
#include "file.h"

namespace flashrow {

/** Neurons of a block. */
static constexpr size_t kBlockNeurons = TwoBitTile::kColumns;
/** Tiles of neurons in a block. */
static constexpr size_t kNeuronTiles = kBlockNeurons / TwoBitTile::kRows;
/** Bytes that each thread reads at once. */
static constexpr size_t kPieceBytes = 1 << 20;

static size_t tilesOf(size_t count, size_t size) { return (count + size - 1) / size; }

static const TwoBitNetworksSource& checked(const TwoBitNetworksSource& source) {
  constexpr size_t kMost = size_t{1} << 20;
  if (source.hiddenSize == 0 || source.hiddenSize > kMost || source.blocks.empty() || source.blocksPerLayer == 0 ||
      source.blocksPerLayer > kMost / source.blocks.size()) {
    failUsage("networks cannot have " + std::to_string(source.hiddenSize) + " inputs and " +
              std::to_string(source.blocks.size()) + " layers of " + std::to_string(source.blocksPerLayer) + " blocks");
  }
  for (const uint32_t blocks : source.blocks) {
    if (blocks > source.blocksPerLayer) {
      failUsage("a layer of " + std::to_string(source.blocksPerLayer) + " blocks has no " + std::to_string(blocks));
    }
  }
  if (source.offset % kDeviceBlock != 0 || source.offset >= uint64_t{1} << 53) {
    failUsage("the offset of networks is not a multiple of " + std::to_string(kDeviceBlock));
  }
  if (source.activation == Activation::ClampedSilu) failUsage("networks in two bits have no activation with a limit");
  return source;
}

TwoBitNetworks::TwoBitNetworks(std::shared_ptr<ThreadPool> pool, const Kernels& kernels,
                               const TwoBitNetworksSource& source)
    : pool_(std::move(pool)),
      addTile_(kernels.twoBitTileAdder()),
      hiddenSize_(checked(source).hiddenSize),
      gated_(source.gated),
      activation_(source.activation),
      columnTiles_(tilesOf(hiddenSize_, TwoBitTile::kColumns)),
      outputTiles_(tilesOf(hiddenSize_, TwoBitTile::kRows)),
      blockBytes_(TwoBitTile::kBytes * (kNeuronTiles * (gated_ ? 2 : 1) * columnTiles_ + outputTiles_)),
      inputs_(columnTiles_),
      outputs_(outputTiles_ * TwoBitTile::kRows) {
  size_t bytes = 0, most = 0;
  for (const size_t blocks : source.blocks) {
    layers_.push_back({bytes, blocks});
    bytes += roundUp(blocks * blockBytes_, kDeviceBlock);
    most = std::max(most, blocks);
  }
  memory_ = Arena(bytes, Content::any);
  neurons_.resize(most * kBlockNeurons);
  neuronInputs_.resize(most);
  read(source);
}

void TwoBitNetworks::read(const TwoBitNetworksSource& source) {
  struct Piece {
    size_t into;
    uint64_t from;
    size_t bytes;
  };
  std::vector<Piece> pieces;
  for (size_t layer = 0; layer < layers_.size(); layer++) {
    const size_t bytes = layers_[layer].blocks * blockBytes_;
    const uint64_t from = source.offset + layer * roundUp(source.blocksPerLayer * blockBytes_, kDeviceBlock);
    for (size_t at = 0; at < bytes; at += kPieceBytes) {
      pieces.push_back({layers_[layer].at + at, from + at, std::min(kPieceBytes, bytes - at)});
    }
  }
  File file(source.path, true);
  pool_->runFallible(pieces.size() <= 1 ? 1 : pool_->size(), [&](size_t thread, size_t threads) {
    for (size_t i = thread; i < pieces.size(); i += threads) {
      const auto [into, from, bytes] = pieces[i];
      const size_t got = file.read(memory_.data() + into, from, roundUp(bytes, kDeviceBlock));
      if (got >= bytes) continue;
      const uint64_t end = file.bytes();
      throw Failure(Failure::Code::Corrupt,
                    source.path + " ends at byte " + std::to_string(end) +
                        ", inside networks in two bits that begin at byte " + std::to_string(source.offset) +
                        ": the file is truncated",
                    {source.path, static_cast<int64_t>(end), -1, -1, ""});
    }
  });
}

void TwoBitNetworks::run(size_t layer, const float* x, float* y) {
  const Layer& of = layers_[layer];
  for (size_t tile = 0; tile < columnTiles_; tile++) {
    const size_t at = tile * TwoBitTile::kColumns;
    quantizeTwoBitInputs(x + at, std::min(TwoBitTile::kColumns, hiddenSize_ - at), inputs_[tile]);
  }
  const size_t threads = threadsFor(*pool_, of.blocks * blockBytes_, 1);
  pool_->run(threads, [&](size_t thread, size_t count) {
    const Share share(of.blocks * kNeuronTiles, 1, thread, count);
    runNeurons(of, share.begin, share.end);
  });
  for (size_t block = 0; block < of.blocks; block++) {
    quantizeTwoBitInputs(&neurons_[block * kBlockNeurons], kBlockNeurons, neuronInputs_[block]);
  }
  pool_->run(threads, [&](size_t thread, size_t count) {
    const Share share(outputTiles_, 1, thread, count);
    runOutputs(of, share.begin, share.end);
  });
  std::copy_n(outputs_.data(), hiddenSize_, y);
}

/** Tiles of neurons `begin` to `end`, of all blocks together. */
void TwoBitNetworks::runNeurons(const Layer& layer, size_t begin, size_t end) {
  const size_t tileBytes = TwoBitTile::kBytes * columnTiles_ * (gated_ ? 2 : 1);
  for (size_t tile = begin; tile < end; tile++) {
    const size_t block = layer.at + tile / kNeuronTiles * blockBytes_;
    const uint8_t* from = memory_.data() + block + tile % kNeuronTiles * tileBytes;
    float gates[TwoBitTile::kRows] = {}, ups[TwoBitTile::kRows] = {};
    for (size_t part = gated_ ? 0 : 1; part < 2; part++) {
      for (size_t t = 0; t < columnTiles_; t++, from += TwoBitTile::kBytes) {
        addTile_(from, inputs_[t], part == 0 ? gates : ups);
      }
    }
    activate(activation_, 0, gated_ ? gates : ups, TwoBitTile::kRows);
    if (gated_) activateUp(activation_, 0, ups, TwoBitTile::kRows);
    float* const into = &neurons_[tile * TwoBitTile::kRows];
    for (size_t i = 0; i < TwoBitTile::kRows; i++) into[i] = gated_ ? gates[i] * ups[i] : ups[i];
  }
}

/** Tiles of outputs `begin` to `end`. A block's lie side by side, so that they are read in one run. */
void TwoBitNetworks::runOutputs(const Layer& layer, size_t begin, size_t end) {
  std::fill(outputs_.begin() + static_cast<ptrdiff_t>(begin * TwoBitTile::kRows),
            outputs_.begin() + static_cast<ptrdiff_t>(end * TwoBitTile::kRows), 0.0f);
  const size_t downAt = blockBytes_ - TwoBitTile::kBytes * outputTiles_;
  for (size_t block = 0; block < layer.blocks; block++) {
    const uint8_t* const down = memory_.data() + layer.at + block * blockBytes_ + downAt;
    for (size_t tile = begin; tile < end; tile++) {
      float* const sums = &outputs_[tile * TwoBitTile::kRows];
      addTile_(down + tile * TwoBitTile::kBytes, neuronInputs_[block], sums);
    }
  }
}

}  // namespace flashrow
