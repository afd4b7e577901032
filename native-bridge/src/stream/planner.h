#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "stream/reader.h"
#include "stream/slot.h"

namespace flashrow {

/**
 * Records of this size and above are read into their slots without a copy, if they have the same place among blocks
 * there (slots.ts).
 */
constexpr uint64_t kStraightBytes = 64 << 10;

/** Decides which device reads bring a set of units into their slots. */
class ReadPlanner {
 public:
  ReadPlanner(Reader& reader, const std::vector<std::unique_ptr<File>>& files, uint64_t mergeGap)
      : reader_(reader), files_(files), mergeGap_(mergeGap) {}

  /**
   * Adds the reads of `count` units of a layer or matrix, ascending, into `slots` (which have begun) to reads(), and sets the
   * slots' pieces. Goes unit by unit, so that the first are there to be computed while the others are on their way.
   * Neighbours are merged, but never into so few reads that read threads stand idle.
   */
  void plan(const Streamed& source, const uint32_t* units, Slot* const* slots, size_t count);
  std::vector<std::unique_ptr<Read>>& reads() { return reads_; }

 private:
  void add(File& file, const Piece& piece, bool straight);
  void split(File& file, Piece piece, bool straight);

  Reader& reader_;
  const std::vector<std::unique_ptr<File>>& files_;
  uint64_t mergeGap_;
  std::vector<std::unique_ptr<Read>> reads_;
};

}  // namespace flashrow
