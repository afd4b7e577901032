#include "dot_products.h"

#include <sys/sysctl.h>

namespace flashrow {

bool systemSaysDotProducts() {
  int has = 0;
  size_t bytes = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &bytes, nullptr, 0) == 0 && has != 0;
}

}  // namespace flashrow
