#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace flashrow {

/**
 * Has the system hand out the pages of a large region ahead of their use, in a thread of low priority. Pages are cleared when they are first touched, and
 * a read into untouched memory would clear them while the processor is wanted for computing. Small regions, and systems that cannot do it, are left alone.
 */
class PageToucher {
 public:
  /** The region must outlive this. */
  PageToucher(uint8_t* region, size_t bytes);
  /** Stops where it is. */
  ~PageToucher();

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace flashrow
