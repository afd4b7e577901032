#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "stream/activation.h"
#include "format.h"
#include "stream/streamed.h"

namespace flashrow {

/** The matrices that x is multiplied with; None where a choice of one is left open. */
enum class InputPart : uint8_t { None, Gate, Up };

struct Extent {
  uint32_t file;
  uint64_t offset, bytes, stride;
};

struct Part {
  uint32_t extent;
  uint64_t offset;
};

struct Segment {
  uint32_t extent;
  uint64_t offset, bytes;
};

/** The place of an extent's bytes in a slot (slots.ts). The first `skip` bytes of a bundle are not read. */
struct SlotArea {
  uint64_t skip, offset;
};

/** A layer as JavaScript describes it; bridge.ts documents the fields. */
struct LayerOptions {
  size_t hiddenSize, numNeurons, neuronsPerBundle, bundlesPerUnit;
  Activation activation;
  std::optional<Format> gateFormat;
  Format upFormat, downFormat;
  bool downByNeuron;
  std::vector<Extent> extents;
  std::optional<Part> gate;
  Part up, down;
  std::vector<Segment> segments;
  /** Per bundle and segment; empty where there are none. */
  std::vector<uint32_t> checksums;
  /** The part that stays in memory elsewhere; its rows are not read. */
  InputPart residentPart;
  /** Per neuron; empty where there are none. */
  std::vector<float> gateBias, upBias;
  /** One for all neurons, or for each of equal shares of them; empty where there are none. */
  std::vector<float> gateFactors, upFactors, downFactors;
  uint64_t arenaOffset;
  size_t slots;
  std::vector<SlotArea> areas;
  uint64_t slotBytes;
};

/** A layer's geometry, checked, and the arithmetic over it. */
struct Layer : LayerOptions, Streamed {
  static constexpr size_t kMostExtents = kMostRuns;

  /** Throws Failure USAGE where the numbers contradict each other or reach outside a bundle, a slot or the arena. */
  Layer(LayerOptions options, size_t index, size_t numFiles, uint64_t arenaBytes);

  size_t index;
  size_t numBundles, numUnits, neuronsPerUnit;
  /** Bytes from one row to the next; 0 for a part that is not read. */
  size_t gateRowBytes = 0, upRowBytes = 0, downRowBytes = 0;
  /** Bytes of a bundle that are read: all extents, less the resident part. */
  uint64_t bundlePayload = 0;

  bool gated() const { return gateFormat.has_value(); }
  bool readsGate() const { return gated() && residentPart != InputPart::Gate; }
  bool readsUp() const { return residentPart != InputPart::Up; }

  size_t bundlesOf(size_t unit) const {
    const size_t first = unit * bundlesPerUnit;
    return first + bundlesPerUnit <= numBundles ? bundlesPerUnit : numBundles - first;
  }
  size_t neuronsOf(size_t unit) const { return bundlesOf(unit) * neuronsPerBundle; }
  uint64_t payloadOf(size_t unit) const override { return bundlesOf(unit) * bundlePayload; }

  /** File range of a unit's extent. */
  uint64_t fileOffset(size_t extent, size_t unit) const {
    return extents[extent].offset + unit * bundlesPerUnit * extents[extent].stride + areas[extent].skip;
  }
  uint64_t spanOf(size_t extent, size_t unit) const {
    return (bundlesOf(unit) - 1) * extents[extent].stride + extents[extent].bytes - areas[extent].skip;
  }

  /** A byte of the unit's `bundle`-th bundle, `offset` from its extent's start, in the slot at `slot`. */
  const uint8_t* inSlot(const uint8_t* slot, size_t extent, size_t bundle, uint64_t offset) const {
    return slot + areas[extent].offset + bundle * extents[extent].stride + offset - areas[extent].skip;
  }
  const uint8_t* part(const uint8_t* slot, const Part& part, size_t bundle) const {
    return inSlot(slot, part.extent, bundle, part.offset);
  }

  /** Whether a checksum has been compared since the layer was opened; bits are set by read threads. */
  bool verified(size_t bundle, size_t segment) const;
  void setVerified(size_t bundle, size_t segment);

  std::string name() const override { return "layer " + std::to_string(index); }
  size_t unitCount() const override { return numUnits; }
  uint64_t bytesOfSlot() const override { return slotBytes; }
  size_t runCount() const override { return extents.size(); }
  Run run(size_t extent, size_t unit) const override {
    return {extents[extent].file, fileOffset(extent, unit), spanOf(extent, unit), areas[extent].offset};
  }
  std::optional<Failure> damageOf(size_t unit, const uint8_t* data, const SlotBoard& board) override;
  Failure placed(const Failure& failure, size_t unit, uint64_t offset, const SlotBoard& board) const override;

 private:
  void checkExtents(size_t numFiles) const;
  void checkParts() const;
  void checkSegments() const;

  std::unique_ptr<std::atomic<uint64_t>[]> verified_;
};

}  // namespace flashrow
