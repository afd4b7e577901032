#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "failure.h"
#include "file.h"

namespace flashrow {

/** The longest single read, which bounds a read thread's bounce buffer. */
constexpr uint64_t kLongestRead = 1 << 20;

/** Something that arrives in pieces. */
class Load {
 public:
  virtual ~Load() = default;

  /** Pieces not yet settled; set before the first is queued. */
  std::atomic<uint32_t> pending{0};

  /** The piece at `offset` of the file could not be read. Called by read threads, before settled(). */
  virtual void failed(const Failure& failure, uint64_t offset) = 0;
  /** The last piece has settled. Called once, by the read thread that settled it. Must not throw. */
  virtual void settled() = 0;
};

struct Piece {
  uint64_t offset;
  uint64_t bytes;
  uint8_t* into;
  Load* load;
};

/** One read from a device: pieces near each other in file order, [offset, end) the span that holds them. */
struct Read {
  File* file;
  uint64_t offset;
  uint64_t end;
  /**
   * True for one piece that lies in its slot as it does in the device's blocks, with room for them around it: it needs
   * no copy.
   */
  bool straight;
  std::vector<Piece> pieces;
};

/** Read threads over two queues; demand goes before read-ahead. */
class Reader {
 public:
  enum class Priority { Demand, Ahead };

  explicit Reader(size_t threads);
  /** Drops what is queued, waits for what is being read. */
  ~Reader();

  size_t threads() const { return threads_.size(); }

  /** An empty Read, reused where possible. */
  std::unique_ptr<Read> blank();
  /** Queues and empties `reads`. Each file must outlive this reader. */
  void submit(std::vector<std::unique_ptr<Read>>& reads, Priority priority);
  /** Drops queued read-ahead (its loads never settle) and waits for read-ahead in flight. */
  void dropAhead();

  uint64_t deviceBytes() const { return deviceBytes_.load(std::memory_order_relaxed); }
  uint64_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  void work();
  void fetch(Read& read, uint8_t* bounce);
  void stop();

  std::mutex mutex_;
  std::condition_variable queued_;
  std::condition_variable aheadSettled_;
  std::deque<std::unique_ptr<Read>> queues_[2];
  std::vector<std::unique_ptr<Read>> spare_;
  size_t aheadInFlight_ = 0;
  bool stopping_ = false;
  std::atomic<uint64_t> deviceBytes_{0};
  std::atomic<uint64_t> records_{0};
  std::vector<std::thread> threads_;
};

}  // namespace flashrow
