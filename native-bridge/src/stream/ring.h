#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "stream/planner.h"
#include "stream/reader.h"
#include "stream/slot.h"

namespace flashrow {

/**
 * Slots that always read ahead along a cyclic schedule. Turns count up for ever; turn n brings entry n of the schedule,
 * modulo its length, into slot n, modulo the number of slots.
 */
class Ring {
 public:
  struct Scheduled {
    Streamed* source;
    uint32_t unit;
  };

  Ring(Reader& reader, ReadPlanner& planner, SlotBoard& board, uint8_t* memory, size_t slots, uint64_t slotBytes,
       std::vector<Scheduled> schedule);
  ~Ring();

  size_t entries() const { return schedule_.size(); }
  const Scheduled& scheduled(uint64_t turn) const { return schedule_[turn % schedule_.size()]; }
  Slot& slot(uint64_t turn) const { return slots_[turn % numSlots_]; }
  /** The turn that is consumed next. */
  uint64_t next() const { return next_; }
  bool issued(uint64_t turn) const { return turn < ahead_; }

  /** Whether a read ahead has failed. */
  bool hasFailed() const;

  /** Frees the next turn's slot, and reads ahead into it. */
  void advance();
  /** Lets go of everything and reads ahead from this schedule entry. */
  void seek(size_t entry);

 private:
  void fill();

  Reader& reader_;
  ReadPlanner& planner_;
  size_t numSlots_;
  std::unique_ptr<Slot[]> slots_;
  std::vector<Scheduled> schedule_;
  uint64_t next_ = 0;
  uint64_t ahead_ = 0;
};

}  // namespace flashrow
