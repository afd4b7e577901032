#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/**
 * Bytes of one page of the system: 4 KiB on x86-64; on 64-bit ARM 4, 16 or 64 KiB, as the kernel was built. An arena
 * takes whole pages.
 */
size_t systemPageBytes();

/** Anonymous page-aligned memory, zero until written, given back to the system at once. Throws Failure MEMORY. */
class Arena {
 public:
  Arena() = default;
  explicit Arena(size_t bytes);
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  ~Arena();

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace flashrow
