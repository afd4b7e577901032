import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheDirectory } from '../disk/cache-dir.js';
import { statIfThere } from '../disk/folders.js';
import { filesBelow, linkedFrom } from '../disk/kept-files.js';
import { takeLock } from '../disk/lock.js';
import { leftScratchFiles } from '../disk/scratch-file.js';
import { FlashrowError } from '../errors.js';
import { type CachedStore, cachedStores, storesOf } from './cached-stores.js';
import { chooseVariant } from './choose-files.js';
import type { GgufVariant } from './gguf-variants.js';
import { type LocalModel, localModels, modelsOf } from './local-models.js';
import { parseModelName } from './model-name.js';
import { dropLocks } from './pull-lock.js';
import { repoFolder } from './pulled.js';

/**
 * An entry of the cache folder: a model from a hub, a store that a checkpoint was converted to, an unfinished one of
 * either, or a file that `doctor` left when it was killed.
 */
export interface CachedModel {
  /** A model that was pulled, a store that was made of a checkpoint, or either of them cut off. */
  kind: 'pulled' | 'store' | 'unfinished';
  /** The name that `rm` takes. A pulled model or a store is called so in the other commands too. */
  name: string;
  /** Where it is. */
  path: string;
  /** Bytes of all its files. */
  bytes: number;
  /** When its newest file was written, ISO 8601. */
  modified: string;
  /**
   * The checkpoint that a store was made of: the name of a pulled model, or of a file or folder. Null for anything but
   * a store, or where the store does not say.
   */
  source: string | null;
  /** The checkpoint's files that a store reads in place: it needs them where they are. Empty for anything else. */
  readsFrom: string[];
}

/** What was removed. */
export interface RemovedModels {
  /** The name that was given. */
  name: string;
  /** Bytes that were freed in all: those of files behind links are not. */
  bytes: number;
  /** Files and folders that were deleted. */
  paths: string[];
  /** The entries that went: with a pulled model also the stores that were made of it. */
  removed: CachedModel[];
  /** Files and folders elsewhere that links in the cache folder led to. The links are gone, and these were left. */
  left: string[];
}

/** The entries of the cache folder, the largest first. */
export function listCached(cacheDir: string | undefined): CachedModel[] {
  const cache = cacheFolder(cacheDir);
  const models = localModels(cache);
  const stores = cachedStores(cache);
  const made = modelNames(models, stores);
  const entries = [
    ...models.map(entryOfModel),
    ...stores.map((store) => entryOfStore(store, made.get(store))),
    ...leftScratchFiles(cache).map(entryOfScratch),
  ];
  return entries.sort((a, b) => b.bytes - a.bytes);
}

/** The cache folder. Throws NOT_FOUND where a file is in its place. */
function cacheFolder(chosen: string | undefined): string {
  const path = cacheDirectory(chosen);
  if (statIfThere(path)?.isDirectory() !== false) return path;
  throw new FlashrowError('NOT_FOUND', `${path} is a file, not a cache folder; \`cacheDir\` names a folder`, { path });
}

/** The stores that were made of any of `models`, each with the name of its model. */
function modelNames(models: readonly LocalModel[], stores: readonly CachedStore[]): Map<CachedStore, string> {
  const finished = models.filter((model) => model.finished);
  return new Map(finished.flatMap((model) => storesOf(stores, model).map((store) => [store, model.name] as const)));
}

const entryOfModel = ({ name, path, finished, files }: LocalModel): CachedModel => ({
  kind: finished ? 'pulled' : 'unfinished',
  name,
  path,
  ...sizeAndTime(files),
  source: null,
  readsFrom: [],
});

const entryOfStore = ({ name, path, finished, manifest }: CachedStore, model: string | undefined): CachedModel => ({
  kind: finished ? 'store' : 'unfinished',
  name,
  path,
  ...sizeAndTime(filesBelow(path).map((file) => join(path, file))),
  source: model ?? manifest?.source.name ?? null,
  readsFrom: manifest?.files.flatMap(({ external }) => external?.path ?? []) ?? [],
});

/** A file that a measurement wrote, and that was left behind by a kill. */
const entryOfScratch = (path: string): CachedModel => ({
  kind: 'unfinished',
  name: basename(path),
  path,
  ...sizeAndTime(statIfThere(path)?.isDirectory() ? filesBelow(path) : [path]),
  source: null,
  readsFrom: [],
});

const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'EBUSY'];

/**
 * Removes an entry by the name that `listCached` gives: a pulled model with the stores made of it, or a store, finished
 * or not. `organization/repository` removes all of its models, with `:tag` that one. Touches nothing outside the cache
 * folder. Throws NOT_FOUND, BAD_USAGE, NOT_WRITABLE, or BUSY while another process works on it.
 */
export function removeCached(name: string, cacheDir: string | undefined): RemovedModels {
  try {
    return remove(name, cacheDir);
  } catch (error) {
    const { code = '', path, message } = error as NodeJS.ErrnoException;
    if (!REFUSED.includes(code) || path === undefined) throw error;
    const told = `cannot remove ${path}: ${message}; whoever owns the folder can`;
    throw new FlashrowError('NOT_WRITABLE', told, { path, errno: code }, { cause: error });
  }
}

function remove(name: string, cacheDir: string | undefined): RemovedModels {
  const cache = cacheFolder(cacheDir);
  const stores = cachedStores(cache);
  const store = stores.find((each) => each.name === name);
  if (store) {
    const kept = keptBehindLinks([store.path]);
    return removedEntry(name, [store.path], removeStores(new Map([[store, undefined]])), kept);
  }
  const scratch = leftScratchFiles(cache).find((path) => basename(path) === name);
  if (scratch !== undefined) {
    const entry = entryOfScratch(scratch);
    rmSync(scratch, { recursive: true });
    return removedEntry(name, [scratch], [entry], { bytes: entry.bytes, left: [] });
  }
  const parsed = parseModelName(name);
  const all = parsed ? modelsOf(cache, parsed.repo) : [];
  const folder = parsed && repoFolder(cache, parsed.repo);
  if (!folder || !lstatSync(folder, { throwIfNoEntry: false }))
    throw new FlashrowError('NOT_FOUND', `nothing in ${cache} is called ${name}; look at the list of what there is`, {
      name,
      remedy: { action: 'list', cacheDir },
    });
  const models = parsed.tag === null ? all : all.filter(taggedBy(parsed.repo, all, parsed.tag));
  dropLocks(cache, parsed.repo, parsed.tag === null ? null : models[0].variant!.files[0]);
  const removed = models.map(entryOfModel);
  const made = modelNames(models, stores);
  const paths = parsed.tag === null ? [folder] : models.flatMap(({ files }) => files);
  const kept = keptBehindLinks([...paths, ...[...made.keys()].map(({ path }) => path)]);
  const removedStores = removeStores(made);
  for (const path of paths) rmSync(path, { recursive: true });
  for (const path of paths) removeEmptyFolders(dirname(path), cache);
  return removedEntry(name, [...paths, ...removedStores.map(({ path }) => path)], [...removed, ...removedStores], kept);
}

const removedEntry = (
  name: string,
  paths: string[],
  removed: CachedModel[],
  kept: { bytes: number; left: string[] },
): RemovedModels => ({ name, paths, removed, ...kept });

/** What the removal of `paths` will free, and what it will leave, which links lead to. */
function keptBehindLinks(paths: readonly string[]): { bytes: number; left: string[] } {
  let bytes = 0;
  const left = new Set<string>();
  for (const path of paths) {
    for (const file of existsSync(path) ? filesBelow(path) : []) {
      const full = file === '' ? path : join(path, file);
      const real = linkedFrom(dirname(path), full);
      if (real === null) bytes += statSync(full).size;
      else left.add(lstatSync(path).isSymbolicLink() ? realpathSync(path) : real);
    }
  }
  return { bytes, left: [...left] };
}

function taggedBy(repo: string, models: readonly LocalModel[], tag: string): (model: LocalModel) => boolean {
  const variants = new Set(models.map(({ variant }) => variant).filter((each): each is GgufVariant => each !== null));
  if (variants.size === 0)
    throw new FlashrowError('BAD_USAGE', `${repo} is one model; remove it without ":${tag}"`, { repo });
  const chosen = chooseVariant(repo, [...variants], tag);
  return ({ variant }) => variant === chosen;
}

function removeStores(stores: ReadonlyMap<CachedStore, string | undefined>): CachedModel[] {
  const removed = [...stores].map(([store, model]) => entryOfStore(store, model));
  for (const { path } of removed) {
    // A conversion may be at work in it.
    const lock = join(path, 'lock');
    const isLink = lstatSync(path).isSymbolicLink();
    if (existsSync(lock) && !isLink) takeLock(lock, `converting to ${path}`).releaseWithFolder();
    else rmSync(path, { recursive: true });
  }
  return removed;
}

function sizeAndTime(files: readonly string[]): { bytes: number; modified: string } {
  // Another process may have removed one meanwhile.
  const found = files.flatMap((file) => statIfThere(file) ?? []);
  return {
    bytes: found.reduce((total, { size }) => total + size, 0),
    modified: new Date(found.reduce((latest, { mtimeMs }) => Math.max(latest, mtimeMs), 0)).toISOString(),
  };
}

function removeEmptyFolders(folder: string, top: string): void {
  for (let path = folder; path !== top; path = dirname(path)) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink() || readdirSync(path).length > 0) return;
    rmdirSync(path);
  }
}
