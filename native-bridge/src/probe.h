#pragma once

#include <cstdint>
#include <string>

namespace flashrow {

struct ReadProbe {
  uint64_t bytes;
  double seconds;
  bool direct;
};

/**
 * Times direct reads of `recordBytes` at evenly spread offsets of a file until `totalBytes` or 200 ms. Throws Failure
 * IO or USAGE.
 */
ReadProbe probeReads(const std::string& path, uint64_t recordBytes, uint64_t totalBytes, size_t readThreads);

}  // namespace flashrow
