#include "arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "failure.h"
#include "recycling.h"

namespace flashrow {

size_t systemPageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

/**
 * Regions of this size and above ask for pages of 2 MiB. They spare the TLB and make a direct read of a megabyte twice
 * as fast; smaller regions hardly hold one. Where system pages have 16 or 64 KiB, a huge page has 32 or 512 MiB, and
 * the system follows the advice where one fits.
 */
static constexpr size_t kHugePageRegion = size_t{4} << 20;
/** Such a region begins at a multiple of this, so that its huge pages stay whole where it moves to another one. */
static constexpr size_t kHugePage = size_t{2} << 20;

static void* map(size_t bytes) {
  void* const region = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) {
    throw Failure(Failure::Code::Memory, "the system refuses " + std::to_string(bytes) + " bytes of memory");
  }
  return region;
}

/** The same, from such a multiple on. */
static void* mapAligned(size_t bytes) {
  const size_t page = systemPageBytes(), whole = (bytes + page - 1) / page * page;
  uint8_t* const region = static_cast<uint8_t*>(map(whole + kHugePage));
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(region) % kHugePage) % kHugePage;
  if (before > 0) munmap(region, before);
  munmap(region + before + whole, kHugePage - before);
  return region + before;
}

Arena::Arena(size_t bytes, Content content) : bytes_(bytes) {
  if (bytes == 0) return;
  void* region = bytes >= kHugePageRegion ? mapAligned(bytes) : map(bytes);
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePageRegion) madvise(region, bytes, MADV_HUGEPAGE);
#endif
  data_ = static_cast<uint8_t*>(region);
  if (content == Content::any) giveKept(data_, bytes);
}

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Arena::~Arena() {
  if (data_ != nullptr && !keepFreed(data_, bytes_)) munmap(data_, bytes_);
}

}  // namespace flashrow
