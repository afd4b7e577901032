#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/** CRC-32C (Castagnoli, RFC 3720) of `bytes`, continuing from `seed`; 0 to begin. */
uint32_t crc32c(const uint8_t* bytes, size_t count, uint32_t seed);

}  // namespace flashrow
