import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { chooseFiles } from '../hub/choose-files.js';
import { parseModelName } from '../hub/model-name.js';
import { listPulled, modelsFolder, pulledFiles, repoFolder } from '../hub/pulled.js';
import { cacheDirectory } from '../store/cache-dir.js';
import { isStore, openStore } from '../store/reader.js';

/** Something in the cache folder: a model from a hub, or a store that a checkpoint was converted to. */
export interface CachedModel {
  kind: 'pulled' | 'store';
  /** What `rm` takes; of a pulled model what the other commands take too. */
  name: string;
  path: string;
  bytes: number;
  /** ISO 8601. */
  modified: string;
  /** Of a store, the checkpoint it was made of. */
  source: string | null;
}

/** What is in the cache folder, largest first. */
export function listCached(cacheDir: string | undefined): CachedModel[] {
  const cache = cacheDirectory(cacheDir);
  const pulled = listPulled(cache).map(
    ({ files: _, ...model }): CachedModel => ({ kind: 'pulled', source: null, ...model }),
  );
  return [...pulled, ...stores(cache)].sort((a, b) => b.bytes - a.bytes);
}

function stores(cache: string): CachedModel[] {
  if (!existsSync(cache)) return [];
  return readdirSync(cache).flatMap((name) => {
    const path = join(cache, name);
    if (!isStore(path)) return [];
    const bytes = readdirSync(path).reduce((sum, file) => sum + statSync(join(path, file)).size, 0);
    return {
      kind: 'store' as const,
      name,
      path,
      bytes,
      modified: statSync(path).mtime.toISOString(),
      source: sourceOf(path),
    };
  });
}

/** A store that cannot be opened, since its checkpoint is gone for instance, can still be removed. */
function sourceOf(path: string): string | null {
  try {
    return openStore(path).manifest.source.name;
  } catch {
    return null;
  }
}

/**
 * Removes a pulled model (`organization/repository` all of it, with `:tag` that one) or a store, by the name that `listCached` gives. Touches nothing
 * outside the cache folder. Returns what is freed. Throws NOT_FOUND, BAD_USAGE.
 */
export function removeCached(
  name: string,
  cacheDir: string | undefined,
): { name: string; bytes: number; paths: string[] } {
  const cache = cacheDirectory(cacheDir);
  const paths = pathsOf(name, cache);
  const bytes = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  for (const path of paths) rmSync(path, { recursive: true });
  const parsed = parseModelName(name);
  if (parsed)
    removeIfEmpty([repoFolder(cache, parsed.repo), dirname(repoFolder(cache, parsed.repo)), modelsFolder(cache)]);
  return { name, bytes, paths };
}

function pathsOf(name: string, cache: string): string[] {
  const store = stores(cache).find((each) => each.name === name);
  if (store) return [store.path];
  const parsed = parseModelName(name);
  const files = parsed ? pulledFiles(cache, parsed.repo) : [];
  if (!parsed || files.length === 0)
    throw new FlashrowError(
      'NOT_FOUND',
      `nothing in ${cache} is called ${name}; \`flashrow list\` shows what there is`,
      { name },
    );
  const folder = repoFolder(cache, parsed.repo);
  if (parsed.tag === null) return [folder];
  return chooseFiles(parsed.repo, files, parsed.tag).map((file) => join(folder, file));
}

function sizeOf(path: string): number {
  const found = statSync(path);
  return found.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : found.size;
}

function removeIfEmpty(folders: readonly string[]): void {
  for (const folder of folders)
    if (existsSync(folder) && readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}
