#pragma once

#include <cstdint>
#include <optional>

namespace flashrow {

struct MemoryLeft {
  /** What programs may still take without anything being paged out. Bytes. */
  uint64_t available;
  /** What a limit of this process or its job leaves. Bytes. */
  std::optional<uint64_t> underLimit;
};

/** What the system says of memory. None where files say it (/proc/meminfo), or nothing does. */
std::optional<MemoryLeft> memoryLeft();

}  // namespace flashrow
