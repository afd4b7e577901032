#include "failure.h"

#include <cerrno>
#include <cstring>

namespace flashrow {

static std::string errnoName(int error) {
  switch (error) {
    case ENOENT: return "ENOENT";
    case EACCES: return "EACCES";
    case EPERM: return "EPERM";
    case EISDIR: return "EISDIR";
    case EIO: return "EIO";
    case EINVAL: return "EINVAL";
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case ENOMEM: return "ENOMEM";
#ifdef ESTALE
    case ESTALE: return "ESTALE";
#endif
    default: return "errno " + std::to_string(error);
  }
}

Failure ioFailure(const std::string& what, const std::string& path, int64_t offset, const std::string& name,
                  const std::string& reason) {
  std::string message = what + " " + path;
  if (offset >= 0) message += " at byte " + std::to_string(offset);
  message += ": " + reason + " (" + name + ")";
  return Failure(Failure::Code::Io, message, {path, offset, -1, -1, name});
}

Failure ioFailure(const std::string& what, const std::string& path, int64_t offset, int error) {
  return ioFailure(what, path, offset, errnoName(error), std::strerror(error));
}

}  // namespace flashrow
