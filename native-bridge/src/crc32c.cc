#include "crc32c.h"

#include <array>
#include <cstring>

#include "processor.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace flashrow {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

/** tables[k][b]: what byte b does to the register k bytes later, so that eight bytes go at once. */
static constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; k++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint32_t previous = tables[k - 1][byte];
      tables[k][byte] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

static constexpr Tables kTables = makeTables();

static uint32_t byTable(const uint8_t* bytes, size_t count, uint32_t crc) {
  for (; count >= 8; bytes += 8, count -= 8) {
    crc ^= uint32_t{bytes[0]} | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
    crc = kTables[7][crc & 0xff] ^ kTables[6][(crc >> 8) & 0xff] ^ kTables[5][(crc >> 16) & 0xff] ^
          kTables[4][crc >> 24] ^ kTables[3][bytes[4]] ^ kTables[2][bytes[5]] ^ kTables[1][bytes[6]] ^
          kTables[0][bytes[7]];
  }
  for (; count > 0; bytes++, count--) crc = (crc >> 8) ^ kTables[0][(crc ^ *bytes) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// To Clang the two are apart.
#if defined(__clang__)
#define FLASHROW_CRC32 __attribute__((target("sse4.2,crc32")))
#else
#define FLASHROW_CRC32 __attribute__((target("sse4.2")))
#endif

FLASHROW_CRC32 static uint32_t byInstruction(const uint8_t* bytes, size_t count, uint32_t crc) {
  uint64_t wide = crc;
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; count > 0; bytes++, count--) crc = _mm_crc32_u8(crc, *bytes);
  return crc;
}

static bool hasInstruction() { return processor().sse42; }
#elif defined(__ARM_FEATURE_CRC32)
static uint32_t byInstruction(const uint8_t* bytes, size_t count, uint32_t crc) {
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; bytes++, count--) crc = __crc32cb(crc, *bytes);
  return crc;
}

static bool hasInstruction() { return true; }
#else
static uint32_t byInstruction(const uint8_t* bytes, size_t count, uint32_t crc) { return byTable(bytes, count, crc); }

static bool hasInstruction() { return false; }
#endif

uint32_t crc32c(const uint8_t* bytes, size_t count, uint32_t seed) {
  return ~(hasInstruction() ? byInstruction(bytes, count, ~seed) : byTable(bytes, count, ~seed));
}

}  // namespace flashrow
