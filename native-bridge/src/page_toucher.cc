#include "page_toucher.h"

#include <sys/mman.h>

#include <algorithm>
#include <system_error>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace flashrow {

/** Less is touched soon enough by those who use it. */
static constexpr size_t kLeastBytes = size_t{64} << 20;
/** Touched at once, and so how long stopping may take: some milliseconds. */
static constexpr size_t kPieceBytes = size_t{16} << 20;
static constexpr int kNiceness = 10;

#ifdef MADV_POPULATE_WRITE
static constexpr int kPopulate = MADV_POPULATE_WRITE;
#else
// Since Linux 5.14; older headers lack it, older kernels refuse it.
static constexpr int kPopulate = 23;
#endif

PageToucher::PageToucher(uint8_t* region, size_t bytes) {
#if defined(__linux__)
  if (bytes < kLeastBytes) return;
  try {
    thread_ = std::thread([this, region, bytes] {
      // On Linux a priority is a thread's own.
      setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
      for (size_t at = 0; at < bytes && !stopping_.load(std::memory_order_relaxed); at += kPieceBytes) {
        if (madvise(region + at, std::min(kPieceBytes, bytes - at), kPopulate) != 0) return;
      }
    });
  } catch (const std::system_error&) {
    // Everything works without it.
  }
#else
  (void)region;
  (void)bytes;
#endif
}

PageToucher::~PageToucher() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

}  // namespace flashrow
