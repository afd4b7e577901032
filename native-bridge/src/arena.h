#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/**
 * Bytes of one page of the system: 4 KiB on x86-64; on 64-bit ARM 4, 16 or 64 KiB, as the kernel was built. An arena
 * takes whole pages.
 */
size_t systemPageBytes();

/** What an arena holds before it is written. */
enum class Content { zero, any };

/** Anonymous page-aligned memory, given back to the system at once (recycling.h: or kept). Throws Failure MEMORY. */
class Arena {
 public:
  Arena() = default;
  explicit Arena(size_t bytes, Content content = Content::zero);
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
