#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arena.h"
#include "stream/feed_forward.h"
#include "file.h"
#include "stream/fresh_pages.h"
#include "stream/layer.h"
#include "stream/matrix_product.h"
#include "stream/planner.h"
#include "stream/reader.h"
#include "stream/ring.h"
#include "stream/slot.h"
#include "stream/streamed_matrix.h"

namespace flashrow {

struct StreamOptions {
  std::vector<std::string> paths;
  uint64_t arenaBytes;
  size_t readThreads;
  bool direct;
  uint64_t mergeGapBytes;
  bool filledAtOnce;
};

/** Slots that a layer gets besides, in an arena of their own. */
struct MoreSlots {
  uint64_t arenaOffset;
  size_t slots;
};

/** The arguments of `ffn`, with the names and in the order of FeedForwardCall in contract/row-stream.ts. */
struct FeedForwardCall {
  size_t layer;
  const uint32_t* units;
  const uint32_t* slots;
  size_t count;
  const float* x;
  size_t tokens;
  const float* residentProducts;
  const float* weights;
  float* y;
  bool accumulate;
};

/**
 * Brings bundles from files through an arena into feed-forward calls. contract/row-stream.ts documents the operations.
 * One caller at a time.
 */
class RowStream {
 public:
  static constexpr uint32_t kRingSlot = 0xffffffff;

  RowStream(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const StreamOptions& options,
            std::vector<LayerOptions> layers, const std::vector<MatrixOptions>& matrices);

  bool direct() const;
  const Layer& layer(size_t index) const;
  const StreamedMatrix& matrix(size_t index) const;
  void request(size_t layer, const uint32_t* units, const uint32_t* slots, size_t count);
  void extend(uint64_t arenaBytes, const std::vector<MoreSlots>& layers);
  void startRing(uint64_t arenaOffset, size_t slots, const uint32_t* schedule, size_t entries);
  void seekRing(size_t entry);
  void ffn(const FeedForwardCall& call);
  void multiply(size_t matrix, const float* x, size_t tokens, float* y);
  /** In the order of COUNTERS in contract/row-stream.ts. */
  std::array<double, 6> counters() const;

 private:
  struct Entry : PlacedUnit {
    Slot* home;
    /** Count of ring units before it since the ring was set up; none for a unit in a slot of its layer. */
    std::optional<uint64_t> turn;
    bool computed;
  };

  void checkUnits(const Streamed& source, const uint32_t* units, size_t count) const;
  Slot& slotOf(const Layer& layer, uint32_t index) const;
  /** What a schedule calls `index`: a layer, or a matrix after them. */
  Streamed& scheduledSource(size_t index) const;
  /** The ring's slot of this turn. Throws Failure USAGE unless the ring brings `unit` of the source then. */
  Slot& ringSlot(const Streamed& source, uint32_t unit, uint64_t turn) const;
  /** The layer's slot `index`. Throws Failure USAGE unless it holds `unit`, or will. */
  Slot& ownSlot(const Layer& layer, uint32_t unit, uint32_t index) const;
  /** A unit that no token has a weight for is waited for, and takes part with no neurons. */
  void placeEntries(const FeedForwardCall& call, const LayerCall& onLayer);
  void compute(const LayerCall& call);
  /** Throws Failure USAGE where units of a layer with down apart are missing or out of order. */
  void checkApart(const FeedForwardCall& call);
  void computeApart(const LayerCall& call);
  /**
   * Takes entries from `next` to `end` as they land: `compute` gets them in batch_. Lets their ring slots go in order.
   */
  template <class Compute>
  void inAnyOrder(const LayerCall& call, size_t next, size_t end, const Compute& compute);
  void await(const Entry& entry);
  /**
   * Takes landed entries from `next` to `end` into batch_; without `anyOrder` only those before the first that is still
   * on its way.
   */
  void collectLanded(const LayerCall& call, size_t next, size_t end, bool anyOrder);
  /** Unit by unit, over the tokens that it has a weight for. */
  void computeGathered(const LayerCall& call);
  /** Computes batch_ whole, chunk by chunk of tokens. */
  void computeChunks(const LayerCall& call);
  /**
   * Adds the computed entries from `next` on, up to a gap, to y and lets their ring slots go. Returns the first entry
   * still to be added.
   */
  size_t projectComputed(size_t next);
  bool landed(const Entry& entry) const;
  void release(const Entry& entry);
  void retryFailedReads();
  /** Multiplies by the units of a matrix that have landed, from `unit` on; returns the first that has not. */
  size_t multiplyLanded(StreamedMatrix& matrix, size_t unit);
  /** Waits for the next unit of a matrix. Throws its failure, with the ring back at the matrix's first unit. */
  void awaitMatrix(const Slot& slot, uint64_t firstTurn);
  [[noreturn]] void settleAndThrow();

  std::shared_ptr<ThreadPool> pool_;
  std::vector<std::unique_ptr<File>> files_;
  Arena arena_;
  /** Of the arena, where the first pass fills it. */
  std::optional<FreshPages> freshPages_;
  std::vector<std::unique_ptr<Layer>> layers_;
  SlotBoard board_{files_};
  /** Per layer; layers in the same place of the arena share theirs. */
  std::vector<std::shared_ptr<Slot[]>> slots_;
  /** Slots after these, in an arena that comes and goes; empty without one. */
  Arena extension_;
  std::vector<MoreSlots> more_;
  std::vector<std::shared_ptr<Slot[]>> moreSlots_;
  std::vector<std::unique_ptr<StreamedMatrix>> matrices_;
  FeedForward feedForward_;
  MatrixProduct product_;
  std::vector<PlacedRows> pieces_;
  std::vector<Entry> entries_;
  std::vector<const PlacedUnit*> batch_;
  std::vector<Entry*> batchEntries_;
  std::vector<Slot*> wanted_;
  /** Rows of x and y of one unit's tokens, [tokens, hiddenSize]; those tokens, and their weights. */
  std::vector<float> gatheredX_, gatheredY_;
  std::vector<size_t> tokensOfUnit_;
  std::vector<float> weightsOfUnit_;
  /** The layer with down apart whose h is kept, for so many tokens, and how many of its units are in it. */
  struct {
    const Layer* layer;
    size_t tokens, computed;
  } apart_{};
  uint64_t requests_ = 0;
  double waitMs_ = 0, computeMs_ = 0, matrixWaitMs_ = 0;
  // Destroyed before the files and slots that its threads read into.
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<ReadPlanner> planner_;
  std::unique_ptr<Ring> ring_;
};

}  // namespace flashrow
