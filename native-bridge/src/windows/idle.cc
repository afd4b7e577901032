#include "idle.h"

#include <windows.h>

namespace flashrow {

bool runWhenIdle() { return SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_IDLE) != 0; }

}  // namespace flashrow
