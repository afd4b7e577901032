#include "stream/planner.h"

#include <algorithm>
#include <array>

namespace flashrow {

/** Below this a merged read is so short that splitting it further costs more operations than parallelism gains. */
constexpr uint64_t kShortestShare = 64 << 10;

void ReadPlanner::add(File& file, const Piece& piece, bool straight) {
  std::unique_ptr<Read> read = reader_.blank();
  read->file = &file;
  read->offset = piece.offset;
  read->end = piece.offset + piece.bytes;
  read->straight = straight;
  read->pieces.push_back(piece);
  piece.load->pending.fetch_add(1, std::memory_order_relaxed);
  reads_.push_back(std::move(read));
}

/** Cuts where the file's blocks end, so that no block is read twice. */
void ReadPlanner::split(File& file, Piece piece, bool straight) {
  while (piece.bytes > 0) {
    const uint64_t end = std::min(piece.offset + piece.bytes, roundDown(piece.offset, kDeviceBlock) + kLongestRead);
    const uint64_t bytes = end - piece.offset;
    add(file, {piece.offset, bytes, piece.into, piece.load}, straight);
    piece.offset += bytes;
    piece.into += bytes;
    piece.bytes -= bytes;
  }
}

void ReadPlanner::plan(const Streamed& source, const uint32_t* units, Slot* const* slots, size_t count) {
  // Per run: the read that the next unit's piece may join.
  std::array<Read*, Streamed::kMostRuns> open{};
  for (size_t i = 0; i < count; i++) {
    for (size_t e = 0; e < source.runCount(); e++) {
      const Run run = source.run(e, units[i]);
      if (run.bytes == 0) continue;
      File& file = *files_[run.file];
      const uint64_t share = count * run.bytes / reader_.threads();
      const uint64_t longest = std::clamp(share, kShortestShare, kLongestRead);
      const Piece piece{run.offset, run.bytes, slots[i]->data() + run.inSlot, slots[i]};
      const bool inPlace = piece.offset % kDeviceBlock == reinterpret_cast<uintptr_t>(piece.into) % kDeviceBlock;
      const bool straight = run.bytes >= kStraightBytes && (inPlace || !file.direct());
      Read* joined = open[e];
      if (straight || piece.bytes > kLongestRead) {
        split(file, piece, straight);
        open[e] = nullptr;
      } else if (joined != nullptr && piece.offset - joined->end <= mergeGap_ &&
                 piece.offset + piece.bytes - joined->offset <= longest) {
        joined->end = piece.offset + piece.bytes;
        joined->pieces.push_back(piece);
        piece.load->pending.fetch_add(1, std::memory_order_relaxed);
      } else {
        add(file, piece, false);
        open[e] = reads_.back().get();
      }
    }
  }
}

}  // namespace flashrow
