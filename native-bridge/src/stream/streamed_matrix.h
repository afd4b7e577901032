#pragma once

#include <cstdint>
#include <optional>

#include "format.h"
#include "stream/streamed.h"

namespace flashrow {

/** A matrix as JavaScript describes it; contract/row-stream.ts documents the fields. */
struct MatrixOptions {
  uint32_t file;
  uint64_t offset;
  size_t rows, columns;
  Format format;
  size_t rowsPerUnit;
  std::optional<uint32_t> checksum;
  uint64_t slotBytes;
};

/** A matrix [rows, columns] of rows one after another in a file, in units of `rowsPerUnit` rows. */
class StreamedMatrix : public Streamed {
 public:
  /** Throws Failure USAGE where the numbers contradict each other. */
  StreamedMatrix(const MatrixOptions& options, size_t index, size_t numFiles);

  size_t rows() const { return options_.rows; }
  size_t columns() const { return options_.columns; }
  Format format() const { return options_.format; }
  size_t bytesOfRow() const { return rowBytes_; }
  size_t firstRowOf(size_t unit) const { return unit * options_.rowsPerUnit; }
  size_t rowsOf(size_t unit) const;
  /** The rows of a unit, in the slot at `slot`. */
  const uint8_t* rowsIn(const uint8_t* slot, size_t unit) const { return slot + shiftOf(unit); }

  /**
   * Adds a unit at `slot` to the checksum, which is of the whole matrix and compared once. Units come in order, from
   * the first; the last gives what it finds wrong.
   */
  std::optional<Failure> check(size_t unit, const uint8_t* slot, const SlotBoard& board);

  std::string name() const override;
  size_t unitCount() const override { return units_; }
  uint64_t bytesOfSlot() const override { return options_.slotBytes; }
  size_t runCount() const override { return 1; }
  Run run(size_t index, size_t unit) const override;
  uint64_t payloadOf(size_t unit) const override { return rowsOf(unit) * rowBytes_; }
  std::optional<Failure> damageOf(size_t, const uint8_t*, const SlotBoard&) override { return std::nullopt; }
  Failure placed(const Failure& failure, size_t unit, uint64_t offset, const SlotBoard& board) const override;

 private:
  uint64_t offsetOf(size_t unit) const { return options_.offset + firstRowOf(unit) * rowBytes_; }
  /** Units lie in their slots as they do among the device's blocks, so that they are read without a copy. */
  uint64_t shiftOf(size_t unit) const;

  MatrixOptions options_;
  size_t index_, rowBytes_, units_;
  uint32_t checksum_ = 0;
  bool verified_;
};

}  // namespace flashrow
