#include "stream/fresh_pages.h"

#include <system_error>

#include "arena.h"
#include "idle.h"

namespace flashrow {

FreshPages::FreshPages(uint8_t* from, size_t bytes) {
  try {
    thread_ = std::thread([this, from, bytes] {
      if (runWhenIdle()) touchAll(from, bytes);
    });
  } catch (const std::system_error&) {
    // It would only have helped.
  }
}

FreshPages::~FreshPages() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void FreshPages::touchAll(uint8_t* from, size_t bytes) const {
  const size_t page = systemPageBytes();
  for (size_t at = 0; at < bytes && !stopping_.load(std::memory_order_relaxed); at += page) {
    // A write that changes nothing, whoever else writes: 0 in place of 0. Anything else says that the page is alive.
    uint8_t expected = 0;
    __atomic_compare_exchange_n(from + at, &expected, uint8_t{0}, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }
}

}  // namespace flashrow
