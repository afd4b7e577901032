#include "stream/ring.h"

namespace flashrow {

Ring::Ring(Reader& reader, ReadPlanner& planner, SlotBoard& board, uint8_t* memory, size_t slots, uint64_t slotBytes,
           std::vector<Scheduled> schedule)
    : reader_(reader),
      planner_(planner),
      numSlots_(slots),
      slots_(std::make_unique<Slot[]>(slots)),
      schedule_(std::move(schedule)) {
  for (size_t i = 0; i < slots; i++) slots_[i].place(&board, memory + i * slotBytes);
  fill();
}

Ring::~Ring() { reader_.dropAhead(); }

void Ring::fill() {
  for (; ahead_ - next_ < numSlots_; ahead_++) {
    const Scheduled& entry = scheduled(ahead_);
    Slot* slot = &this->slot(ahead_);
    slot->begin(entry.source, entry.unit, 0);
    planner_.plan(*entry.source, &entry.unit, &slot, 1);
  }
  reader_.submit(planner_.reads(), Reader::Priority::Ahead);
}

void Ring::advance() {
  next_++;
  fill();
}

bool Ring::hasFailed() const {
  for (uint64_t turn = next_; turn < ahead_; turn++) {
    if (slots_[turn % numSlots_].state() == Slot::State::Failed) return true;
  }
  return false;
}

void Ring::seek(size_t entry) {
  reader_.dropAhead();
  for (size_t i = 0; i < numSlots_; i++) slots_[i].pending = 0;
  next_ = ahead_ = entry;
  fill();
}

}  // namespace flashrow
