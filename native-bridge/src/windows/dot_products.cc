#include "dot_products.h"

#include <windows.h>

namespace flashrow {

bool systemSaysDotProducts() {
  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE, which older headers lack.
  return IsProcessorFeaturePresent(43) != 0;
}

}  // namespace flashrow
