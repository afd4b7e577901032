#include "stream/reader.h"

#include <cstring>
#include <string>
#include <system_error>

#include "arena.h"

namespace flashrow {

Reader::Reader(size_t threads) {
  try {
    for (size_t i = 0; i < threads; i++) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    stop();
    throw Failure(Failure::Code::Memory, std::string("a read thread cannot be started: ") + error.what());
  }
}

Reader::~Reader() { stop(); }

void Reader::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::unique_ptr<Read> Reader::blank() {
  std::unique_ptr<Read> read;
  {
    std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      read = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (read == nullptr) read = std::make_unique<Read>();
  read->pieces.clear();
  return read;
}

void Reader::submit(std::vector<std::unique_ptr<Read>>& reads, Priority priority) {
  {
    std::lock_guard lock(mutex_);
    for (std::unique_ptr<Read>& read : reads) queues_[static_cast<size_t>(priority)].push_back(std::move(read));
  }
  for (size_t i = 0; i < reads.size() && i < threads_.size(); i++) queued_.notify_one();
  reads.clear();
}

void Reader::dropAhead() {
  std::unique_lock lock(mutex_);
  auto& ahead = queues_[static_cast<size_t>(Priority::Ahead)];
  while (!ahead.empty()) {
    spare_.push_back(std::move(ahead.front()));
    ahead.pop_front();
  }
  aheadSettled_.wait(lock, [this] { return aheadInFlight_ == 0; });
}

void Reader::work() {
  // The span of a merged read, widened to whole blocks at both ends; touched, and so paid for, only when it is used.
  std::optional<Arena> bounce;
  std::unique_lock lock(mutex_);
  while (true) {
    queued_.wait(lock, [this] { return stopping_ || !queues_[0].empty() || !queues_[1].empty(); });
    if (stopping_) return;
    const bool ahead = queues_[0].empty();
    auto& queue = queues_[ahead ? 1 : 0];
    std::unique_ptr<Read> read = std::move(queue.front());
    queue.pop_front();
    if (ahead) aheadInFlight_++;
    lock.unlock();
    std::optional<Failure> failure;
    try {
      if (!read->straight && !bounce) bounce.emplace(kLongestRead + 2 * kDeviceBlock);
      fetch(*read, bounce ? bounce->data() : nullptr);
    } catch (const Failure& caught) {
      failure = caught;
    }
    for (const Piece& piece : read->pieces) {
      if (failure) piece.load->failed(*failure, piece.offset);
      if (piece.load->pending.fetch_sub(1, std::memory_order_acq_rel) == 1) piece.load->settled();
    }
    lock.lock();
    if (ahead && --aheadInFlight_ == 0) aheadSettled_.notify_all();
    spare_.push_back(std::move(read));
  }
}

void Reader::fetch(Read& read, uint8_t* bounce) {
  File& file = *read.file;
  // Asked before the read: a file that refuses direct reads at this one serves the widened range all the same.
  const bool widen = file.direct();
  const uint64_t begin = widen ? roundDown(read.offset, kDeviceBlock) : read.offset;
  const uint64_t end = widen ? roundUp(read.end, kDeviceBlock) : read.end;
  uint8_t* into = read.straight ? read.pieces[0].into - (read.offset - begin) : bounce;
  const size_t got = file.read(into, begin, end - begin);
  deviceBytes_.fetch_add(got, std::memory_order_relaxed);
  records_.fetch_add(1, std::memory_order_relaxed);
  if (begin + got < read.end) {
    throw Failure(Failure::Code::Io,
                  file.path() + " ends at byte " + std::to_string(begin + got) + ", before the " +
                      std::to_string(read.end) + " bytes it should hold: the file is truncated",
                  {file.path(), static_cast<int64_t>(begin + got), -1, -1, ""});
  }
  if (read.straight) return;
  for (const Piece& piece : read.pieces) std::memcpy(piece.into, bounce + (piece.offset - begin), piece.bytes);
}

}  // namespace flashrow
