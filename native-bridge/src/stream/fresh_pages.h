#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace flashrow {

/**
 * Brings fresh memory to life, page after page, in a thread that runs when no other does (MEMORY-06). The system clears
 * each page that is first touched, which takes as long as to read it full; what is idle while a model loads does it.
 * What the pages hold is left as it is, also while they are filled.
 */
class FreshPages {
 public:
  /** The memory must outlive this. Where no such thread can be had, nothing happens. */
  FreshPages(uint8_t* from, size_t bytes);
  /** Waits for a page, at most. */
  ~FreshPages();

 private:
  void touchAll(uint8_t* from, size_t bytes) const;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace flashrow
