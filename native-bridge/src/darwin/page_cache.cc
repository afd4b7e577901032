#include "posix/page_cache.h"

#include <fcntl.h>
#include <unistd.h>

namespace flashrow {

int openPastPageCache(const char* path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || fcntl(descriptor, F_NOCACHE, 1) == 0) return descriptor;
  close(descriptor);
  return -1;
}

void readThroughPageCache(int descriptor) { fcntl(descriptor, F_NOCACHE, 0); }

/** This system has no such advice. */
void dropFromPageCache(int, uint64_t, uint64_t) {}

}  // namespace flashrow
