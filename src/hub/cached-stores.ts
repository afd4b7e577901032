import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MANIFEST_FILE, type Manifest } from '../store/manifest.js';
import { decodeManifest } from '../store/manifest-file.js';
import { openCheckpoint } from '../store/source.js';

/** What conversion leaves in the cache folder: named after the checkpoint, and 16 digits of what identifies it. */
export interface CachedStore {
  name: string;
  path: string;
  /** Without a manifest it is no store: a conversion that was cut off, or one that was damaged since. */
  finished: boolean;
  /** Null where there is none that can be read. */
  manifest: Manifest | null;
}

const STORE_NAME = /^(.+)-([0-9a-f]{16})(\.partial)?$/;

export function cachedStores(cacheDir: string): CachedStore[] {
  if (!statSync(cacheDir, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(cacheDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && STORE_NAME.test(entry.name))
    .map(({ name }) => {
      const path = join(cacheDir, name);
      return { name, path, finished: existsSync(join(path, MANIFEST_FILE)), manifest: manifestOf(path) };
    });
}

/** The files that a store needs may be gone, or it may be damaged: it is there all the same. */
function manifestOf(path: string): Manifest | null {
  try {
    return decodeManifest(readFileSync(join(path, MANIFEST_FILE)));
  } catch {
    return null;
  }
}

/** Those of `stores` that were made of the checkpoint at `path`, or that read any of its `files` in place. */
export function storesOf(
  stores: readonly CachedStore[],
  { path, files }: { path: string; files: readonly string[] },
): CachedStore[] {
  const stem = basename(path).replace(/\.gguf$/i, '');
  const candidates = stores.filter(({ name }) => STORE_NAME.exec(name)![1] === stem);
  if (candidates.length === 0) return [];
  const digest = digestOf(path);
  return candidates.filter(({ name, manifest }) => {
    if (manifest?.files.some(({ external }) => external !== null && files.includes(external.path))) return true;
    if (digest === null) return false;
    return manifest ? manifest.source.digest === digest : STORE_NAME.exec(name)![2] === digest.slice(0, 16);
  });
}

/** Null of a checkpoint that cannot be opened. */
function digestOf(path: string): string | null {
  try {
    return openCheckpoint(path).digest;
  } catch {
    return null;
  }
}
