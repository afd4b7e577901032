#include "recycling.h"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "arena.h"

namespace flashrow {
namespace {

/** Bytes by where they begin. */
using Regions = std::map<uint8_t*, size_t>;

struct Kept {
  std::mutex mutex;
  int users = 0;
  Regions freed;
  /** What regions in use were put together of: the system moves no two of them at once. */
  Regions pieces;
};

/** Never destroyed: arenas may be freed as the process ends. */
Kept& kept() {
  static Kept* const it = new Kept;
  return *it;
}

size_t wholePages(size_t bytes) { return (bytes + systemPageBytes() - 1) / systemPageBytes() * systemPageBytes(); }

/** The start of `region` becomes `bytes` of kept memory from `from` on; fresh memory where the system refuses. */
bool move(uint8_t* from, size_t bytes, uint8_t* region) {
  if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, region) == region) return true;
  // What was there may be gone.
  mmap(region, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return false;
}

}  // namespace

void recycle(bool on) {
  Kept& all = kept();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.users += on ? 1 : -1;
  if (all.users > 0) return;
  for (const auto& [region, bytes] : all.freed) munmap(region, bytes);
  all.freed.clear();
}

bool keepFreed(uint8_t* region, size_t bytes) {
  Kept& all = kept();
  const std::lock_guard<std::mutex> lock(all.mutex);
  uint8_t* const end = region + wholePages(bytes);
  const bool keeps = all.users > 0;
  uint8_t* at = region;
  for (auto piece = all.pieces.lower_bound(region); piece != all.pieces.end() && piece->first < end;) {
    if (keeps && piece->first > at) all.freed[at] = piece->first - at;
    if (keeps) all.freed[piece->first] = piece->second;
    at = piece->first + piece->second;
    piece = all.pieces.erase(piece);
  }
  if (keeps && at < end) all.freed[at] = end - at;
  return keeps;
}

void giveKept(uint8_t* region, size_t bytes) {
  Kept& all = kept();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.users == 0) return;
  uint8_t* const end = region + wholePages(bytes);
  for (uint8_t* at = region; at < end && !all.freed.empty();) {
    const auto [from, size] = *all.freed.begin();
    all.freed.erase(all.freed.begin());
    const size_t moved = std::min<size_t>(size, end - at);
    if (moved < size) all.freed[from + moved] = size - moved;
    if (!move(from, moved, at)) {
      munmap(from, moved);
      continue;
    }
    all.pieces[at] = moved;
    at += moved;
  }
}

}  // namespace flashrow
