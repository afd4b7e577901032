/**
 * Threads of a stream that read: so many reads are in flight at once. A flash drive needs about this many to reach its
 * full speed.
 */
export const READ_THREADS = 16;
