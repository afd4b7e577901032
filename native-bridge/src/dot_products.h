#pragma once

namespace flashrow {

/** Whether the system says that this 64-bit ARM processor has dot products; programs may not ask the processor. */
bool systemSaysDotProducts();

}  // namespace flashrow
