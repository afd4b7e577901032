#pragma once

namespace flashrow {

enum class FileLock { taken, held, refused };

/**
 * Locks an open file for this opening of it, without waiting. The kernel lets go when the file is closed, however its
 * process ends, and knows of holders in every container that it runs. `refused`: this file system has no locks.
 */
FileLock lockFile(int file);

}  // namespace flashrow
