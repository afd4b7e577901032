import { dirname } from 'node:path';
import { formatBytes } from '../disk/format-bytes.js';
import { freeBytes } from '../disk/free-bytes.js';
import { WorkFolder } from '../store/write/work-folder.js';
import type { Outline } from './outline.js';

/** What to say where there is no room for the store that a checkpoint has to become; null where there is. */
export function conversionShortage({ conversion, storePath }: Outline): string | null {
  if (!conversion.needed) return null;
  const free = freeFor(storePath);
  if (free === null || free >= conversion.bytes) return null;
  return `the conversion writes ${formatBytes(conversion.bytes)} to ${dirname(storePath)}, where ${formatBytes(free)} are free: make room, or set another \`cacheDir\``;
}

/** Null where the place cannot be looked at: the conversion will say what is wrong with it. */
function freeFor(storePath: string): number | null {
  try {
    return freeBytes(storePath) + WorkFolder.bytesLeft(storePath);
  } catch {
    return null;
  }
}
