import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { statIfThere } from '../disk/folders.js';
import { foldersIn, leadsNowhere } from '../disk/kept-files.js';
import { knownPaths } from '../store/known-sources.js';
import { MANIFEST_FILE, type Manifest } from '../store/manifest.js';
import { decodeManifest } from '../store/manifest-file.js';
import { openCheckpoint, storeStem } from '../store/source.js';

/** A folder that a conversion left in the cache folder. Its name is the checkpoint's, and 16 digits of its digest. */
export interface CachedStore {
  name: string;
  path: string;
  /**
   * False where there is no manifest: the conversion was cut off, the store was damaged since, or the entry is a link
   * that leads nowhere.
   */
  finished: boolean;
  /** Null where it is missing or cannot be read. */
  manifest: Manifest | null;
}

const STORE_NAME = /^(.+)-([0-9a-f]{16})(\.partial)?$/;

export function cachedStores(cacheDir: string): CachedStore[] {
  if (!statIfThere(cacheDir)?.isDirectory()) return [];
  // A link whose store has gone is an entry too: how else would it be found and removed?
  const links = readdirSync(cacheDir).filter((name) => leadsNowhere(join(cacheDir, name)));
  return [...foldersIn(cacheDir), ...links]
    .filter((name) => STORE_NAME.test(name))
    .map((name) => {
      const path = join(cacheDir, name);
      return { name, path, finished: existsSync(join(path, MANIFEST_FILE)), manifest: manifestOf(path) };
    });
}

/** Reads the manifest alone: a store that is damaged, or whose files are gone, is listed all the same. */
function manifestOf(path: string): Manifest | null {
  try {
    return decodeManifest(readFileSync(join(path, MANIFEST_FILE)));
  } catch {
    return null;
  }
}

/** The stores among `stores` that were made of the checkpoint at `path`, or that read any of its `files` in place. */
export function storesOf(
  stores: readonly CachedStore[],
  { path, files }: { path: string; files: readonly string[] },
): CachedStore[] {
  const stem = storeStem(path);
  const real = new Set(files.map((file) => (existsSync(file) ? realpathSync(file) : file)));
  const candidates = stores.filter(
    (store) =>
      STORE_NAME.exec(store.name)![1] === stem ||
      (store.manifest !== null && knownPaths(store.path, store.manifest).some((known) => real.has(known))),
  );
  if (candidates.length === 0) return [];
  const digest = digestOf(path);
  return candidates.filter(({ name, manifest }) => {
    if (manifest?.files.some(({ external }) => external !== null && real.has(external.path))) return true;
    if (digest === null) return false;
    return manifest ? manifest.source.digest === digest : STORE_NAME.exec(name)![2] === digest.slice(0, 16);
  });
}

/** Null where the checkpoint cannot be opened. */
function digestOf(path: string): string | null {
  try {
    return openCheckpoint(path).digest;
  } catch {
    return null;
  }
}
