#include "idle.h"

#include <pthread/qos.h>

namespace flashrow {

bool runWhenIdle() { return pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0) == 0; }

}  // namespace flashrow
