#include "idle.h"

#include <sched.h>

namespace flashrow {

bool runWhenIdle() {
  const sched_param none{};
  // Of a thread, 0 is this one (man 7 sched).
  return sched_setscheduler(0, SCHED_IDLE, &none) == 0;
}

}  // namespace flashrow
