import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { remembers, type UnitCache } from '../cache/unit-cache.js';
import { replaceFile } from '../disk/replace-file.js';

/** The file beside a store that tells how often each unit of each layer was used. Older uses count less. */
const USES_FILE = 'uses.json';

/**
 * Starts the caches with the uses that an earlier run on this store wrote down: they know from the first token on which
 * units to keep. Returns the function that writes down the uses of this run. Uses are a hint: a file that is damaged or
 * of another shape is ignored, and a store that cannot be written to keeps the file it has.
 */
export function rememberUses(storePath: string, caches: readonly UnitCache[]): () => void {
  const path = join(storePath, USES_FILE);
  const earlier = readUses(path);
  caches.forEach((cache, layer) => {
    const uses = earlier[layer];
    if (remembers(cache) && isUsesOf(uses, cache.units)) cache.remember(uses);
  });
  return () => {
    if (!caches.some(remembers)) return;
    const uses = caches.map((cache) => (remembers(cache) ? [...cache.uses()] : null));
    try {
      replaceFile(path, (file) => writeFileSync(file, JSON.stringify(uses)));
    } catch {
      // The store cannot be written to.
    }
  };
}

function readUses(path: string): unknown[] {
  try {
    const uses: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(uses) ? uses : [];
  } catch {
    return [];
  }
}

const isUsesOf = (uses: unknown, units: number): uses is number[] =>
  Array.isArray(uses) &&
  uses.length === units &&
  uses.every((count) => typeof count === 'number' && count >= 0 && Number.isFinite(count));
