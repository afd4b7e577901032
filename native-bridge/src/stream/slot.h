#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "failure.h"
#include "stream/streamed.h"
#include "stream/reader.h"

namespace flashrow {

class SlotBoard;

/** One place for a unit, and the state of the unit that was asked into it. */
class Slot : public Load {
 public:
  enum class State : uint8_t { Empty, Loading, Ready, Failed };

  State state() const { return state_.load(std::memory_order_acquire); }
  const uint8_t* data() const { return data_; }
  uint8_t* data() { return data_; }
  /** The unit asked for last, and what it is of. */
  const Streamed* source() const { return source_; }
  uint32_t unit() const { return unit_; }
  /** Meaningful once Failed. */
  const Failure& failure() const { return *failure_; }

  void place(SlotBoard* board, uint8_t* data) {
    board_ = board;
    data_ = data;
  }
  /** False where this request (a number from 1) has claimed the slot before. */
  bool claim(uint64_t request) { return std::exchange(claimedBy_, request) != request; }
  /** From here to settled() the slot belongs to the read threads. `payload` is counted when the unit has arrived. */
  void begin(Streamed* source, uint32_t unit, uint64_t payload);
  void clear() { state_.store(State::Empty, std::memory_order_relaxed); }

  void failed(const Failure& failure, uint64_t offset) override;
  void settled() override;

 private:
  SlotBoard* board_ = nullptr;
  uint8_t* data_ = nullptr;
  Streamed* source_ = nullptr;
  uint32_t unit_ = 0;
  uint64_t payload_ = 0;
  uint64_t claimedBy_ = 0;
  std::atomic<State> state_{State::Empty};
  std::optional<Failure> failure_;
};

/**
 * The board that a stream's slots share. It has the place where they announce that they have settled, the count of
 * bytes that arrived, and the names of files for messages.
 */
class SlotBoard {
 public:
  explicit SlotBoard(const std::vector<std::unique_ptr<File>>& files) : files_(files) {}

  const std::string& pathOf(uint32_t file) const { return files_[file]->path(); }
  std::mutex& mutex() { return mutex_; }
  /** Wakes who waits for a slot. */
  void announce();
  void countPayload(uint64_t bytes) { payload_.fetch_add(bytes, std::memory_order_relaxed); }
  uint64_t payload() const { return payload_.load(std::memory_order_relaxed); }
  /** Waits until the slot is no longer Loading. */
  void waitFor(const Slot& slot);

 private:
  const std::vector<std::unique_ptr<File>>& files_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::atomic<uint64_t> payload_{0};
};

}  // namespace flashrow
