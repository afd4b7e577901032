#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace flashrow {

/** The subject of a failure; -1 or empty where it does not apply. */
struct FailureDetails {
  std::string path;
  int64_t offset = -1;
  int64_t layer = -1;
  int64_t bundle = -1;
  std::string errnoName;
};

/** A failure on its way to JavaScript, where it becomes a BridgeError with the same code and details. */
struct Failure : std::runtime_error {
  enum class Code { Corrupt, Io, Memory, Usage };

  Failure(Code code, const std::string& message, FailureDetails details = {})
      : std::runtime_error(message), code(code), details(std::move(details)) {}

  Code code;
  FailureDetails details;
};

[[noreturn]] inline void failUsage(const std::string& message) { throw Failure(Failure::Code::Usage, message); }

/** An operating system's refusal. `name` is the one that Node gives it ("ENOENT"), `reason` the system's own words. */
Failure ioFailure(const std::string& what, const std::string& path, int64_t offset, const std::string& name,
                  const std::string& reason);
/** The same, of a value of errno. */
Failure ioFailure(const std::string& what, const std::string& path, int64_t offset, int error);

}  // namespace flashrow
