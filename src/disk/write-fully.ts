import { writeSync } from 'node:fs';

/**
 * Writes all of `bytes` to an open file at `position`, however many writes that takes. Throws what the file system
 * says.
 */
export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
