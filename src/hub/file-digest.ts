import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { RemoteFile } from './hub.js';

const PIECE_BYTES = 1024 * 1024;

/**
 * Hex digest of a file here, of the kind that the hub gives for it. Throws the signal's reason. `onBytes` is told what
 * was read.
 */
export async function digestOf(
  path: string,
  { digest, bytes }: RemoteFile,
  { signal, onBytes }: { signal?: AbortSignal; onBytes?: (bytes: number) => void },
): Promise<string> {
  const hash = createHash(digest.algorithm === 'sha256' ? 'sha256' : 'sha1');
  // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  if (digest.algorithm === 'git-sha1') hash.update(`blob ${bytes}\0`);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    signal?.throwIfAborted();
    hash.update(chunk);
    done += chunk.length;
    onBytes?.(done);
  }
  return hash.digest('hex');
}
