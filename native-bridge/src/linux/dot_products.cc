#include "dot_products.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace flashrow {

bool systemSaysDotProducts() {
#if defined(__aarch64__)
  // HWCAP_ASIMDDP of asm/hwcap.h, which older headers lack.
  return (getauxval(AT_HWCAP) & (1ul << 20)) != 0;
#else
  return false;
#endif
}

}  // namespace flashrow
