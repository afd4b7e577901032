#include "file_lock.h"

#include <sys/file.h>

#include <cerrno>

namespace flashrow {

FileLock lockFile(int file) {
  int result;
  do {
    result = flock(file, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return FileLock::taken;
  return errno == EWOULDBLOCK ? FileLock::held : FileLock::refused;
}

}  // namespace flashrow
