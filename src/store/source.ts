import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import type { Checkpoint } from '../import/checkpoint.js';
import { openCheckpoint } from '../import/open.js';
import { openConverted } from './converted-store.js';
import { modified } from './external.js';
import { planLayout } from './layout.js';
import { isStore, openStore, type Store } from './reader.js';

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

/**
 * Opens a store folder, a GGUF file or a Hugging Face folder. If a checkpoint was converted into `cacheDir` before, and
 * that store is sound, the store is returned. Throws NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export function openSource(path: string, cacheDir: string): Source {
  if (isStore(path)) return { kind: 'store', store: openStore(path) };
  const checkpoint = openCheckpoint(path);
  // The digest tells two versions of a file with the same name apart.
  const storePath = join(
    cacheDir,
    `${basename(checkpoint.path).replace(/\.gguf$/i, '')}-${identity(checkpoint).slice(0, 16)}`,
  );
  const converted = openConverted(storePath);
  if (converted !== null && 'manifest' in converted) return { kind: 'store', store: converted };
  return { kind: 'checkpoint', checkpoint, storePath, damagedFile: converted?.damagedFile ?? null };
}

/**
 * Hex digits that tell cached stores apart. A store that reads the checkpoint in place is valid for these files only.
 */
function identity(checkpoint: Checkpoint): string {
  const files = planLayout(checkpoint).files.flatMap(({ source }) => (source === null ? [] : [resolve(source)]));
  if (files.length === 0) return checkpoint.digest;
  const what = JSON.stringify([checkpoint.digest, files.map((path) => [path, modified(path)])]);
  return createHash('sha256').update(what).digest('hex');
}
