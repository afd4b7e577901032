#include "posix/page_cache.h"

#include <fcntl.h>

namespace flashrow {

int openPastPageCache(const char* path) { return open(path, O_RDONLY | O_CLOEXEC | O_DIRECT); }

void readThroughPageCache(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags >= 0) fcntl(descriptor, F_SETFL, flags & ~O_DIRECT);
}

void dropFromPageCache(int descriptor, uint64_t offset, uint64_t bytes) {
  posix_fadvise(descriptor, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
}

}  // namespace flashrow
