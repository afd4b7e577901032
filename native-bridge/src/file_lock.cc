#include "file_lock.h"

#ifndef _WIN32
#include <cerrno>
#include <sys/file.h>
#endif

namespace flashrow {

FileLock lockFile(int file) {
#ifdef _WIN32
  (void)file;
  return FileLock::refused;
#else
  int result;
  do {
    result = flock(file, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return FileLock::taken;
  return errno == EWOULDBLOCK ? FileLock::held : FileLock::refused;
#endif
}

}  // namespace flashrow
