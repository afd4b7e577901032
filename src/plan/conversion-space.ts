import { dirname } from 'node:path';
import { formatBytes } from '../disk/format-bytes.js';
import { freeBytes } from '../disk/free-bytes.js';
import { WorkFolder } from '../store/write/work-folder.js';
import type { Outline } from './outline.js';

/** What to say where there is no room for the store that a checkpoint has to become; null where there is. */
export function conversionShortage({ conversion, storePath }: Outline): string | null {
  if (!conversion.needed) return null;
  const free = freeBytes(storePath) + WorkFolder.bytesLeft(storePath);
  if (free >= conversion.bytes) return null;
  return `the conversion writes ${formatBytes(conversion.bytes)} to ${dirname(storePath)}, where ${formatBytes(free)} are free: make room, or set another \`cacheDir\``;
}
