#include "processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <cstdint>
#else
#include "dot_products.h"
#endif

namespace flashrow {

#if defined(__x86_64__)

/** Names of bits by Intel's manual, volume 2A, CPUID. */
static constexpr unsigned kFma = 1u << 12, kSse42 = 1u << 20, kPopcnt = 1u << 23, kOsxsave = 1u << 27, kAvx = 1u << 28,
                          kF16c = 1u << 29;
static constexpr unsigned kAvx2 = 1u << 5, kAvx512f = 1u << 16, kAvx512dq = 1u << 17, kAvx512bw = 1u << 30,
                          kAvx512vl = 1u << 31;
static constexpr unsigned kAvx512vbmi = 1u << 1, kAvx512vnni = 1u << 11;
/** States that the system saves, in XCR0: SSE and AVX; opmask and both parts of ZMM. */
static constexpr uint64_t kYmmStates = 0x6, kZmmStates = 0xe6;

static uint64_t savedStates() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

static constexpr bool all(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

static Processor ask() {
  Processor has;
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return has;
  has.sse42 = all(ecx, kSse42);
  if (!all(ecx, kOsxsave | kAvx | kFma | kF16c | kPopcnt)) return has;
  const uint64_t saved = savedStates();
  if ((saved & kYmmStates) != kYmmStates || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return has;
  has.avx2 = all(ebx, kAvx2);
#if defined(__APPLE__)
  // macOS saves these states from their first use on, and does not say so before.
  const bool savesZmm = true;
#else
  const bool savesZmm = (saved & kZmmStates) == kZmmStates;
#endif
  has.avx512 = has.avx2 && savesZmm && all(ebx, kAvx512f | kAvx512dq | kAvx512bw | kAvx512vl);
  has.avx512vnni = has.avx512 && all(ecx, kAvx512vnni);
  has.avx512vbmi = has.avx512vnni && all(ecx, kAvx512vbmi);
  return has;
}

#else

static Processor ask() {
  Processor has;
  has.dotProducts = systemSaysDotProducts();
  return has;
}

#endif

const Processor& processor() {
  static const Processor found = ask();
  return found;
}

}  // namespace flashrow
