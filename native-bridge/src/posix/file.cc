#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "arena.h"
#include "failure.h"
#include "posix/page_cache.h"

namespace flashrow {

/** macOS refuses to read more than 2 GiB at once, and Linux reads less. */
static constexpr size_t kMostAtOnce = size_t{1} << 30;

template <class Open>
static int withoutInterrupts(const Open& open) {
  int descriptor;
  do {
    descriptor = open();
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

File::File(const std::string& path, bool direct) : path_(path) {
  int descriptor = -1;
  if (direct) {
    descriptor = withoutInterrupts([&] { return openPastPageCache(path.c_str()); });
    direct_ = descriptor >= 0;
  }
  if (descriptor < 0) descriptor = withoutInterrupts([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) throw ioFailure("cannot open", path, -1, errno);
  handle_ = descriptor;
  struct stat status;
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(descriptor);
    throw ioFailure("cannot read", path, -1, EISDIR);
  }
  if (this->direct()) {
    // Some file systems accept the flag and refuse the read.
    Arena probe(kDeviceBlock);
    if (pread(descriptor, probe.data(), kDeviceBlock, 0) < 0 && errno == EINVAL) refuseDirect();
  }
}

File::~File() {
  if (handle_ >= 0) close(static_cast<int>(handle_));
}

uint64_t File::bytes() const {
  struct stat status;
  if (fstat(static_cast<int>(handle_), &status) != 0) throw ioFailure("cannot read", path_, -1, errno);
  return static_cast<uint64_t>(status.st_size);
}

void File::refuseDirect() {
  readThroughPageCache(static_cast<int>(handle_));
  direct_ = false;
}

size_t File::read(uint8_t* into, uint64_t offset, size_t bytes) {
  const int descriptor = static_cast<int>(handle_);
  size_t got = 0;
  while (got < bytes) {
    const size_t wanted = std::min(bytes - got, kMostAtOnce);
    // Another thread may refuse direct reads meanwhile. This read is then tried again all the same.
    const bool wasDirect = direct();
    const ssize_t count = pread(descriptor, into + got, wanted, static_cast<off_t>(offset + got));
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL && wasDirect) {
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
  if (!direct()) dropFromPageCache(descriptor, offset, bytes);
  return got;
}

}  // namespace flashrow
