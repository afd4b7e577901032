#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "arena.h"
#include "failure.h"

namespace flashrow {

static int openForReading(const std::string& path, int flags) {
  int descriptor;
  do {
    descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

File::File(const std::string& path, bool direct) : path_(path) {
#ifdef O_DIRECT
  if (direct) {
    descriptor_ = openForReading(path, O_DIRECT);
    direct_ = descriptor_ >= 0;
  }
#endif
  if (descriptor_ < 0) descriptor_ = openForReading(path, 0);
  if (descriptor_ < 0) throw ioFailure("cannot open", path, -1, errno);
#ifdef F_NOCACHE
  if (direct) direct_ = fcntl(descriptor_, F_NOCACHE, 1) == 0;
#endif
  struct stat status;
  if (fstat(descriptor_, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(descriptor_);
    throw ioFailure("cannot read", path, -1, EISDIR);
  }
  if (this->direct()) {
    // Some file systems accept the flag and refuse the read.
    Arena probe(kDeviceBlock);
    if (pread(descriptor_, probe.data(), kDeviceBlock, 0) < 0 && errno == EINVAL) refuseDirect();
  }
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

void File::refuseDirect() {
#ifdef O_DIRECT
  const int flags = fcntl(descriptor_, F_GETFL);
  if (flags >= 0) fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT);
#endif
  direct_ = false;
}

size_t File::read(uint8_t* into, uint64_t offset, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t count = pread(descriptor_, into + got, bytes - got, static_cast<off_t>(offset + got));
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL && direct()) {
        refuseDirect();
        continue;
      }
      throw ioFailure("cannot read", path_, static_cast<int64_t>(offset + got), errno);
    }
    if (count == 0) break;
    got += static_cast<size_t>(count);
    // A direct read stops within a block only at the end of the file.
    if (direct() && got % kDeviceBlock != 0) break;
  }
#ifdef POSIX_FADV_DONTNEED
  if (!direct()) posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
#endif
  return got;
}

}  // namespace flashrow
