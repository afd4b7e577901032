#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "file.h"
#include "format.h"
#include "kernels/activation.h"
#include "stream/streamed.h"

namespace flashrow {

/** The matrices that x is multiplied with; None where a choice of one is left open. */
enum class InputPart : uint8_t { None, Gate, Up };

/** Where a bundle's bytes begin. */
struct Place {
  uint32_t file;
  uint64_t offset;
};

/** With `places`, one for each bundle, bundles do not follow one another at `stride`. */
struct Extent {
  uint32_t file;
  uint64_t offset, bytes, stride;
  std::vector<Place> places;
};

struct Part {
  uint32_t extent;
  uint64_t offset;
};

struct Segment {
  uint32_t extent;
  uint64_t offset, bytes;
};

/**
 * The place of an extent's bytes in a slot (slots.ts). The first `skip` bytes of a bundle are not read. With `shifts`
 * they begin as far after `offset` as a unit's bytes begin after a device block's start.
 */
struct SlotArea {
  uint64_t skip, offset;
  bool shifts;
};

/** How a down matrix lies in bundles: contract/bundle-geometry.ts. */
enum class DownOrientation : uint8_t { ByNeuron, ByOutput, Apart };

/** A layer as JavaScript describes it; contract/row-stream.ts documents the fields. */
struct LayerOptions {
  size_t hiddenSize, numNeurons, neuronsPerBundle, bundlesPerUnit;
  Activation activation;
  /** Of the clamped SiLU. */
  float activationLimit;
  std::optional<Format> gateFormat;
  Format upFormat, downFormat;
  DownOrientation downOrientation;
  /** Rows of down in a bundle, the last of which may have fewer; 0 unless down lies apart. */
  size_t outputsPerBundle;
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
  /** Bundles of gate and up come first. Those of a down matrix that lies apart follow. */
  size_t inputBundles, numBundles, numUnits, neuronsPerUnit;
  /** Bytes from one row to the next; 0 for a part that is not read. */
  size_t gateRowBytes = 0, upRowBytes = 0, downRowBytes = 0;

  bool gated() const { return gateFormat.has_value(); }
  bool readsGate() const { return gated() && residentPart != InputPart::Gate; }
  bool readsUp() const { return residentPart != InputPart::Up; }

  size_t bundlesOf(size_t unit) const {
    const size_t first = unit * bundlesPerUnit;
    return first + bundlesPerUnit <= numBundles ? bundlesPerUnit : numBundles - first;
  }
  bool downByNeuron() const { return downOrientation == DownOrientation::ByNeuron; }
  bool downApart() const { return downOrientation == DownOrientation::Apart; }
  /** Whether a unit holds rows of a down matrix that lies apart. Units are then bundles. */
  bool isOutputs(size_t unit) const { return unit >= inputBundles && downApart(); }
  size_t neuronsOf(size_t unit) const { return isOutputs(unit) ? 0 : bundlesOf(unit) * neuronsPerBundle; }
  /** The first row of down in such a unit, and how many it has. */
  size_t firstOutputOf(size_t unit) const { return (unit - inputBundles) * outputsPerBundle; }
  size_t outputsOf(size_t unit) const { return std::min(outputsPerBundle, hiddenSize - firstOutputOf(unit)); }

  /** Whether a unit has bytes in an extent. */
  bool holds(size_t extent, size_t unit) const { return !downApart() || (extent == down.extent) == isOutputs(unit); }
  /** File range of a unit's bytes in an extent that it has. */
  uint32_t fileOf(size_t extent, size_t unit) const {
    const Extent& all = extents[extent];
    return all.places.empty() ? all.file : all.places[unit].file;
  }
  uint64_t fileOffset(size_t extent, size_t unit) const {
    if (!extents[extent].places.empty()) return extents[extent].places[unit].offset + areas[extent].skip;
    const size_t place = isOutputs(unit) ? unit - inputBundles : unit;
    return extents[extent].offset + place * bundlesPerUnit * extents[extent].stride + areas[extent].skip;
  }
  uint64_t spanOf(size_t extent, size_t unit) const {
    if (isOutputs(unit)) return outputsOf(unit) * downRowBytes;
    return (bundlesOf(unit) - 1) * extents[extent].stride + extents[extent].bytes - areas[extent].skip;
  }
  uint64_t longestSpan(size_t extent) const { return spanOf(extent, holds(extent, 0) ? 0 : inputBundles); }
  /** Bytes of a unit that are read: all extents, less the resident part and what lies between bundles. */
  uint64_t payloadOf(size_t unit) const override {
    uint64_t bytes = 0;
    for (size_t e = 0; e < extents.size(); e++) {
      if (!holds(e, unit)) continue;
      bytes += isOutputs(unit) ? spanOf(e, unit) : bundlesOf(unit) * (extents[e].bytes - areas[e].skip);
    }
    return bytes;
  }

  /** Where a unit's bytes of an extent begin in its slot. */
  uint64_t offsetInSlot(size_t extent, size_t unit) const {
    return areas[extent].offset + (areas[extent].shifts ? fileOffset(extent, unit) % kDeviceBlock : 0);
  }
  /** A byte of the unit's `bundle`-th bundle, `offset` from its extent's start, in the slot at `slot`. */
  const uint8_t* inSlot(const uint8_t* slot, size_t unit, size_t extent, size_t bundle, uint64_t offset) const {
    return slot + offsetInSlot(extent, unit) + bundle * extents[extent].stride + offset - areas[extent].skip;
  }
  const uint8_t* part(const uint8_t* slot, size_t unit, const Part& part, size_t bundle) const {
    return inSlot(slot, unit, part.extent, bundle, part.offset);
  }

  /** Whether a checksum has been compared since the layer was opened; bits are set by read threads. */
  bool verified(size_t bundle, size_t segment) const;
  void setVerified(size_t bundle, size_t segment);

  std::string name() const override { return "layer " + std::to_string(index); }
  size_t unitCount() const override { return numUnits; }
  uint64_t bytesOfSlot() const override { return slotBytes; }
  size_t runCount() const override { return extents.size(); }
  Run run(size_t extent, size_t unit) const override {
    if (!holds(extent, unit)) return {extents[extent].file, 0, 0, 0};
    return {fileOf(extent, unit), fileOffset(extent, unit), spanOf(extent, unit), offsetInSlot(extent, unit)};
  }
  std::optional<Failure> damageOf(size_t unit, const uint8_t* data, const SlotBoard& board) override;
  Failure placed(const Failure& failure, size_t unit, uint64_t offset, const SlotBoard& board) const override;

 private:
  /** Weights in a row of down, as it lies. */
  size_t downColumns() const;
  void checkExtents(size_t numFiles) const;
  void checkPlaces(const Extent& extent, size_t numFiles) const;
  void checkParts() const;
  void checkSegments() const;

  std::unique_ptr<std::atomic<uint64_t>[]> verified_;
};

}  // namespace flashrow
