#include "arena.h"

#include <windows.h>

#include <string>
#include <utility>

#include "failure.h"

namespace flashrow {

size_t systemPageBytes() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

/** Pages of 2 MiB would need a privilege that users do not have. */
Arena::Arena(size_t bytes, Content) : bytes_(bytes) {
  if (bytes == 0) return;
  void* region = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (region == nullptr) {
    throw Failure(Failure::Code::Memory, "the system refuses " + std::to_string(bytes) + " bytes of memory");
  }
  data_ = static_cast<uint8_t*>(region);
}

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Arena::~Arena() {
  if (data_ != nullptr) VirtualFree(data_, 0, MEM_RELEASE);
}

}  // namespace flashrow
