#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace flashrow {

/** Offsets, lengths and addresses of direct reads are multiples of this; no device met so far needs more. */
constexpr uint64_t kDeviceBlock = 4096;

constexpr uint64_t roundDown(uint64_t value, uint64_t to) { return value / to * to; }
constexpr uint64_t roundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

/** A file open for reading past the page cache, or through it (and out of it again) where the file system refuses. */
class File {
 public:
  /** Throws Failure IO. */
  File(const std::string& path, bool direct);
  File(const File&) = delete;
  ~File();

  const std::string& path() const { return path_; }
  /** Bytes that the file has now. Throws Failure IO. */
  uint64_t bytes() const;
  bool direct() const { return direct_.load(std::memory_order_relaxed); }

  /**
   * Reads up to `bytes` at `offset`, and fewer only where the file ends. While direct(), all three arguments are
   * multiples of kDeviceBlock. Thread-safe. Throws Failure IO.
   */
  size_t read(uint8_t* into, uint64_t offset, size_t bytes);

 private:
  void refuseDirect();

  std::string path_;
  /** A descriptor; on Windows a HANDLE. */
  intptr_t handle_ = -1;
  std::atomic<bool> direct_{false};
};

}  // namespace flashrow
