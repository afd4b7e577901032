#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "failure.h"

namespace flashrow {

class SlotBoard;

/** A run of a unit's bytes in a file, and where they begin in the unit's slot. */
struct Run {
  uint32_t file;
  uint64_t offset, bytes, inSlot;
};

/** What is read in units, each into a slot: the bundles of a layer, or the rows of a matrix. */
class Streamed {
 public:
  static constexpr size_t kMostRuns = 3;

  virtual ~Streamed() = default;

  /** What messages call it. */
  virtual std::string name() const = 0;
  virtual size_t unitCount() const = 0;
  /** Bytes of a slot for any of its units. */
  virtual uint64_t bytesOfSlot() const = 0;
  /** Runs of a unit, at most kMostRuns. A unit that has no bytes in one has a run of 0 bytes there. */
  virtual size_t runCount() const = 0;
  virtual Run run(size_t index, size_t unit) const = 0;
  /** Bytes of a unit that are wanted. */
  virtual uint64_t payloadOf(size_t unit) const = 0;
  /** Damage that shows in a unit that was read to `data`. Called by read threads. */
  virtual std::optional<Failure> damageOf(size_t unit, const uint8_t* data, const SlotBoard& board) = 0;
  /** A failure to read the bytes at `offset` for a unit, with the place in the model. */
  virtual Failure placed(const Failure& failure, size_t unit, uint64_t offset, const SlotBoard& board) const = 0;
};

}  // namespace flashrow
