import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Bytes free to this user where `path` will be: asked of the nearest folder above it that exists. A file system without
 * any room of its own, such as /proc, is said to have all there is: it is not full, and says itself what it refuses.
 */
export function freeBytes(path: string): number {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize, blocks } = statfsSync(folder);
  return blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize;
}
