#pragma once

#include <cstdint>

namespace flashrow {

/** Opens a file for reading, past the page cache; -1 where it cannot be opened so. Errno says why. */
int openPastPageCache(const char* path);

/** Later reads of this descriptor go through the page cache. */
void readThroughPageCache(int descriptor);

/** What was read through the page cache need not stay there. */
void dropFromPageCache(int descriptor, uint64_t offset, uint64_t bytes);

}  // namespace flashrow
