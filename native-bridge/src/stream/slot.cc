#include "stream/slot.h"

namespace flashrow {

void Slot::begin(Streamed* source, uint32_t unit, uint64_t payload) {
  payload_ = payload;
  source_ = source;
  unit_ = unit;
  failure_.reset();
  state_.store(State::Loading, std::memory_order_relaxed);
}

void Slot::failed(const Failure& failure, uint64_t offset) {
  std::lock_guard lock(board_->mutex());
  if (!failure_) failure_.emplace(source_->placed(failure, unit_, offset, *board_));
}

void Slot::settled() {
  // Acquired by the pieces' counter: every failed() has happened before.
  if (!failure_) failure_ = source_->damageOf(unit_, data_, *board_);
  if (!failure_) board_->countPayload(payload_);
  state_.store(failure_ ? State::Failed : State::Ready, std::memory_order_release);
  board_->announce();
}

void SlotBoard::announce() {
  {
    std::lock_guard lock(mutex_);
  }
  settled_.notify_all();
}

void SlotBoard::waitFor(const Slot& slot) {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return slot.state() != Slot::State::Loading; });
}

}  // namespace flashrow
