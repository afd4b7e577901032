#include "memory_left.h"

namespace flashrow {

std::optional<MemoryLeft> memoryLeft() { return std::nullopt; }

}  // namespace flashrow
