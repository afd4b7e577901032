#include "memory_left.h"

#include <mach/mach.h>

#include "arena.h"

namespace flashrow {

/**
 * Free pages, and those that the system takes back first: inactive and purgeable ones. Node's own figure has the free
 * ones alone, which are few on a machine that has run for a while.
 */
std::optional<MemoryLeft> memoryLeft() {
  vm_statistics64_data_t pages;
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const mach_port_t host = mach_host_self();
  const auto result = host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count);
  mach_port_deallocate(mach_task_self(), host);
  if (result != KERN_SUCCESS) return std::nullopt;
  const uint64_t left = uint64_t{pages.free_count} + pages.inactive_count + pages.purgeable_count;
  return MemoryLeft{left * systemPageBytes(), std::nullopt};
}

}  // namespace flashrow
