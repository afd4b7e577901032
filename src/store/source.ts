import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cutName } from '../disk/cut-name.js';
import { fileState, settledStates } from '../disk/file-state.js';
import type { Checkpoint, CheckpointPart } from '../import/checkpoint.js';
import { onlyGguf, openCheckpoint } from '../import/open.js';
import { openConverted } from './converted-store.js';
import { isKnown, rememberSource } from './known-sources.js';
import { planLayout, type StoreLayout } from './layout.js';
import { isStore, openStore, type Store } from './reader.js';
import { type ContentOptions, contentDigest } from './source-content.js';

export { openCheckpoint };

/** A foreign checkpoint, and the store in the cache folder that it converts to. */
export interface CheckpointSource {
  kind: 'checkpoint';
  checkpoint: Checkpoint;
  storePath: string;
  /** The damaged file of a store that exists already and must be made anew; null where no store exists. */
  damagedFile: string | null;
}

/** A store, or a checkpoint that must be converted first. */
export type Source = { kind: 'store'; store: Store } | CheckpointSource;

/** Digits of a digest in a store's name. The first ones are shared by stores of checkpoints that look the same. */
const ID_DIGITS = 16;
const SHARED_DIGITS = 8;
const OWN_DIGITS = ID_DIGITS - SHARED_DIGITS;
/** Some file systems allow 143 bytes. `.partial` comes behind the name. */
const MAX_STORE_NAME_BYTES = 143 - '.partial'.length;

/**
 * Opens a store folder, a GGUF file or a Hugging Face folder. If a checkpoint of the same bytes was converted into
 * `cacheDir` before, under whatever name, and that store is sound, the store is returned. A checkpoint in a state that
 * is not known yet is read whole for that, once. `part`: what of a checkpoint; default the model. Throws NOT_FOUND,
 * UNSUPPORTED, CORRUPT, IO, or the signal's reason.
 */
export async function openSource(
  path: string,
  cacheDir: string,
  options: ContentOptions & { part?: CheckpointPart } = {},
): Promise<Source> {
  const { part = 'model' } = options;
  if (isStore(path)) {
    if (part !== 'model') throw onlyGguf(path);
    return { kind: 'store', store: openStore(path) };
  }
  const checkpoint = openCheckpoint(path, part);
  const layout = planLayout(checkpoint, { inPlace: true });
  const id = identity(checkpoint, layout).slice(0, ID_DIGITS);
  const found = candidates(cacheDir, id).map((candidate) => ({ candidate, store: openConverted(candidate) }));
  const sound = found.flatMap(({ store }) => (store !== null && 'manifest' in store ? [store] : []));
  const { store, content } = await ofSameBytes(checkpoint, layout, sound, options);
  if (store !== null) return { kind: 'store', store };
  const copy = knownCopy(checkpoint, cacheDir);
  if (copy !== null) return { kind: 'store', store: copy };
  const stem = storeStem(checkpoint.path);
  const usual = join(cacheDir, `${stem}-${id}`);
  const taken = sound.some((other) => other.path === resolve(usual));
  // The sample of the weights is the same, and the weights are not.
  const otherId = id.slice(0, SHARED_DIGITS) + content?.slice(0, OWN_DIGITS);
  const other = join(cacheDir, `${stem}-${otherId}`);
  const storePath = taken ? other : usual;
  const left = found.find(({ candidate }) => candidate === storePath)?.store ?? null;
  const damagedFile = left !== null && 'damagedFile' in left ? left.damagedFile : null;
  return { kind: 'checkpoint', checkpoint, storePath, damagedFile };
}

/** The start of the name of a checkpoint's store: its own name without the ending, as far as file systems allow. */
export const storeStem = (path: string): string =>
  cutName(basename(path).replace(/\.gguf$/i, ''), MAX_STORE_NAME_BYTES - ID_DIGITS - 1);

/** The stores that may be of the same bytes, under any name. */
function candidates(cacheDir: string, id: string): string[] {
  if (!statSync(cacheDir, { throwIfNoEntry: false })?.isDirectory()) return [];
  const name = new RegExp(`-${id.slice(0, SHARED_DIGITS)}[0-9a-f]{${OWN_DIGITS}}$`);
  return readdirSync(cacheDir)
    .filter((each) => name.test(each))
    .map((each) => join(cacheDir, each));
}

/**
 * A sound copy of a checkpoint whose files are in a state that is known to hold the same bytes, though the checkpoint
 * could be read in place; null where there is none.
 */
function knownCopy(checkpoint: Checkpoint, cacheDir: string): Store | null {
  const states = checkpoint.files.map(({ path }) => fileState(path));
  for (const candidate of candidates(cacheDir, checkpoint.digest.slice(0, ID_DIGITS))) {
    const store = openConverted(candidate);
    if (store === null || !('manifest' in store) || store.manifest.source.digest !== checkpoint.digest) continue;
    const { content } = store.manifest.source;
    if (content !== null && isKnown(store.path, content, states)) return store;
  }
  return null;
}

/**
 * The store among `stores` that was made of the bytes which a checkpoint holds, else null; and the digest of these
 * bytes, where it was needed. The digest in a store's name looks at a sample of the weights alone. So all bytes are
 * compared, unless the file system says that the files are as they were when that was done.
 */
async function ofSameBytes(
  checkpoint: Checkpoint,
  layout: StoreLayout,
  stores: readonly Store[],
  options: ContentOptions,
): Promise<{ store: Store | null; content: string | null }> {
  const paths = checkpoint.files.map((file) => file.path);
  const ofSource = stores.filter(({ manifest }) => manifest.source.digest === checkpoint.digest);
  const now = paths.map(fileState);
  const known = ofSource.find(({ path, manifest: { source } }) => source.content && isKnown(path, source.content, now));
  if (known || ofSource.length === 0) return { store: known ?? null, content: null };
  const states = await settledStates(paths, options.signal);
  const content = await contentDigest(checkpoint, layout, options);
  const store = ofSource.find(({ manifest }) => manifest.source.content === content) ?? null;
  if (store !== null) rememberSource(store.path, content, states);
  return { store, content };
}

/**
 * Hex digits that tell cached stores apart. A store that reads the checkpoint in place is valid for these files only.
 */
function identity(checkpoint: Checkpoint, { files }: StoreLayout): string {
  const kept = files.flatMap(({ source }) => (source === null ? [] : [fileState(source).path]));
  if (kept.length === 0) return checkpoint.digest;
  return createHash('sha256')
    .update(JSON.stringify([checkpoint.digest, kept]))
    .digest('hex');
}
