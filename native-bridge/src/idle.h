#pragma once

namespace flashrow {

/** From now on this thread runs only where no other has something to do. False where the system refuses. */
bool runWhenIdle();

}  // namespace flashrow
