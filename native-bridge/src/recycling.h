#pragma once

#include <cstddef>
#include <cstdint>

namespace flashrow {

/**
 * While it is on, memory that arenas free is kept, and arenas whose content may be anything get it: the system would
 * clear every page of fresh memory, which takes longer than to read it full. Each `true` is ended by one `false`; what
 * is left after the last goes back to the system. It does nothing where the system cannot move pages.
 */
void recycle(bool on);

/** Takes a region that is freed; false where nothing is kept: it is the caller's then. */
bool keepFreed(uint8_t* region, size_t bytes);

/** Moves pages that are kept into a fresh region, from its start on. */
void giveKept(uint8_t* region, size_t bytes);

}  // namespace flashrow
